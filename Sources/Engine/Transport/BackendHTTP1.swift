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
    let value = bytes.extracting(exchange.pointee.head.fields[index].value.offsets)
    writer.appendField("Upgrade", value)
    if exchange.pointee.client.pointee.isMultiplexed, WebSocketKey.isUsed(by: value) {
      writeWebSocketKey(exchange, into: &writer)
    }
  }

  /// Gives a WebSocket that began over HTTP/2 the key that HTTP/1.1 wants.
  @inline(never) private mutating func writeWebSocketKey(
    _ exchange: ExchangePointer, into writer: inout HeadWriter
  ) {
    precondition(isExtendedConnect(exchange), "writeWebSocketKey: the client has sent one")
    let key = WebSocketKey(random: random.next(&kernel))
    exchange.pointee.client.place.pointee.webSocketKey = key
    writer.beginField("Sec-WebSocket-Key")
    key.write(into: &writer.lines)
    writer.endField()
  }

  /// True when the response to such a key is the one that only who has read it can give; of other
  /// tunnels always.
  mutating func acceptsWebSocket(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>
  ) -> Bool {
    guard isExtendedConnect(exchange),
      let asked = exchange.pointee.head.fields.firstIndex(of: .upgrade),
      WebSocketKey.isUsed(
        by: exchange.pointee.headBytes.span.extracting(
          exchange.pointee.head.fields[asked].value.offsets))
    else { return true }
    let key = exchange.pointee.client.place.pointee.webSocketKey
    for index in 0..<exchange.pointee.responseHead.fields.count {
      let line = exchange.pointee.responseHead.fields[index]
      if WebSocketKey.isAnswer(bytes.extracting(line.name.offsets)) {
        return key.isAccepted(by: bytes.extracting(line.value.offsets))
      }
    }
    return false
  }
}
