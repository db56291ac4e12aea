// `X-Accel-Redirect`: a backend decides, and Waybill answers, mostly with a file.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Answers from the location that a backend names, and not with its response, of which a few
  /// fields are kept. False when the location does not obey backends.
  mutating func obeysInternalRedirect(_ exchange: ExchangePointer) -> Bool {
    precondition(exchange.pointee.response == .none, "obeysInternalRedirect: a response has begun")
    precondition(exchange.pointee.upstream != nil, "obeysInternalRedirect: no backend is attached")
    guard !exchange.pointee.plan.pointee.responseRules.ignored.contains(.redirect),
      let peer = exchange.pointee.upstream
    else { return false }
    let bytes = peer.pointee.inputBytes.span
    if !tables.capturedFields.isEmpty { captureUpstreamFields(exchange, bytes) }
    keepFields(exchange, bytes)
    let value = exchange.pointee.responseHead.internalRedirect
    let target = copyTarget(bytes.extracting(value.offsets))
    let framing = exchange.pointee.responseHead.framing(for: exchange.pointee.head.method)
    let headCount = exchange.pointee.responseHead.byteCount
    let isEmpty = framing == .none || framing == .length(0)
    let isOver = isEmpty && peer.pointee.inputCount == headCount
    if isOver { peer.pointee.inputStart &+= UInt32(headCount) }
    endTry(exchange, mayReuse: isOver && exchange.pointee.request == .complete)
    servingState(exchange).pointee.answeredStatus = 0
    follow(exchange, target)
    return true
  }

  /// The target, for the scratch memory outlives the response.
  private mutating func copyTarget(_ value: Span<UInt8>) -> UnsafeBufferPointer<UInt8> {
    var writer = ByteWriter(
      UnsafeMutableBufferPointer(rebasing: scratch[Limits.largestTargetBytes...]))
    writer.append(value)
    return writer.written
  }

  private mutating func follow(
    _ exchange: ExchangePointer, _ target: UnsafeBufferPointer<UInt8>
  ) {
    precondition(exchange.pointee.upstream == nil, "follow: a backend is attached")
    precondition(exchange.isLive, "follow: the exchange has ended")
    if target.first == UInt8(ascii: "@") {
      return enterNamedLocation(exchange, namedLocation(exchange, target))
    }
    var path = target
    var query: UnsafeBufferPointer<UInt8>?
    if let mark = target.firstIndex(of: UInt8(ascii: "?")) {
      path = UnsafeBufferPointer(rebasing: target[..<mark])
      query = UnsafeBufferPointer(rebasing: target[(mark + 1)...])
    }
    var writer = ByteWriter(
      UnsafeMutableBufferPointer(rebasing: scratch[..<Limits.largestTargetBytes]))
    let isSafe =
      path.first == UInt8(ascii: "/")
      && PathNormalization.decodeSafely(path.span, into: &writer) && !writer.overflowed
    guard isSafe else {
      report(.error, "request", exchange, exchange.pointee.downstream) { line in
        line.append("the backend's X-Accel-Redirect is not followed: \"")
        line.appendEscaped(target.span, .standard)
        line.append("\" is not a path, or leads out of the root")
      }
      return refuse(exchange, 404, .none, .completed)
    }
    exchange.pointee.head.becomeGet()
    redirectInternally(exchange, path: writer.written, .written, query)
  }

  /// The number of a named location of the request's server; -1 when it has none of that name.
  private mutating func namedLocation(
    _ exchange: ExchangePointer, _ name: UnsafeBufferPointer<UInt8>
  ) -> Int {
    let named = tables.servers[exchange.pointee.server].namedLocations
    for index in named.indices where EntityTagList.isEqual(named[index].name.span, name.span) {
      return named[index].location
    }
    return -1
  }

  /// Keeps the fields that nginx keeps.
  private mutating func keepFields(_ exchange: ExchangePointer, _ bytes: Span<UInt8>) {
    for index in 0..<exchange.pointee.responseHead.fields.count {
      let line = exchange.pointee.responseHead.fields[index]
      let name = bytes.extracting(line.name.offsets)
      let isKept: Bool =
        switch name.count {
        case 7: FieldNameMatch.equalIgnoringCase(name, "Expires")
        case 10: FieldNameMatch.equalIgnoringCase(name, "Set-Cookie")
        case 12: line.known == .contentType
        case 13: FieldNameMatch.equalIgnoringCase(name, "Cache-Control")
        case 19: FieldNameMatch.equalIgnoringCase(name, "Content-Disposition")
        default: false
        }
      guard isKept else { continue }
      carry(exchange, name, bytes.extracting(line.value.offsets))
      if line.known == .contentType { servingState(exchange).pointee.carriesType = true }
    }
  }
}
