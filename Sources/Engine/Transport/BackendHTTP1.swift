// The backend's side in HTTP/1: how a request is framed.

import Basics
import HTTP
import Plan
import Policy

extension Worker where K: ~Copyable {
  /// True when the response lets its connection carry another request (RFC 9112 section 9.3).
  @inline(__always) mutating func keepsConnection(_ exchange: ExchangePointer) -> Bool {
    exchange.pointee.responseHead.keepsAlive
  }

  /// Says that the content is chunked, and passes the request for another protocol on.
  @inline(__always) mutating func writeTransferFields(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout HeadWriter
  ) {
    let isUnannounced =
      exchange.pointee.requestReader.framing == .chunked
      || exchange.pointee.requestReader.framing == .untilEnd
    let isSent = !exchange.pointee.plan.pointee.dropsRequestContent
    if isUnannounced && isSent && !exchange.pointee.kept.isWhole {
      writer.appendField("Transfer-Encoding", "chunked")
    }
    guard exchange.pointee.asksForTunnel,
      let index = exchange.pointee.head.fields.firstIndex(of: .upgrade)
    else { return }
    writer.appendField("Connection", "upgrade")
    writer.appendField(
      "Upgrade", bytes.extracting(exchange.pointee.head.fields[index].value.offsets))
  }
}
