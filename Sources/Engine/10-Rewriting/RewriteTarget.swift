// What a `rewrite` that matches does: another path, another query, or a redirect.

import Basics
import HTTP
import Plan
import Platform
import Policy
import RegularExpressions
import Telemetry

/// What came of a `rewrite`.
enum RewriteOutcome: BitwiseCopyable {
  /// Its expression does not match.
  case unmatched
  /// The next step comes.
  case nextStep
  /// It was the last step.
  case ended
  /// The request has been answered.
  case answered
}

extension Worker where K: ~Copyable {
  /// Executes a `rewrite`.
  mutating func rewrite(
    _ step: UnsafePointer<RewriteStep>, _ exchange: ExchangePointer
  ) -> RewriteOutcome {
    let path = exchange.pointee.pathBytes
    switch match(step.pointee.expression, path.span, exchange) {
    case .matched: break
    case .none:
      exchange.pointee.record.groupCount = 0
      return .unmatched
    case .exhausted:
      reportExhausted(tables.expressions.address(of: step.pointee.expression), exchange)
      refuseUnconditionally(exchange, 500)
      return .answered
    }
    let state = computingState(exchange)
    state.pointee.isRewritten = true
    if step.pointee.ending == .redirect {
      redirect(step, exchange)
      return .answered
    }
    guard replacePath(step, exchange) else { return .answered }
    noteRewrite(step, exchange)
    if step.pointee.ending == .sameLocation {
      state.pointee.isLocationLost = true
      state.pointee.seeksLocation = false
    } else {
      state.pointee.seeksLocation = true
    }
    return step.pointee.ending == .nextStep ? .nextStep : .ended
  }

  /// Has the request go on with the path, and perhaps the query, of a `rewrite`; false when it has
  /// been answered, because there is no such path.
  private mutating func replacePath(
    _ step: UnsafePointer<RewriteStep>, _ exchange: ExchangePointer
  ) -> Bool {
    let state = computingState(exchange)
    if step.pointee.text.usesOwn { computeVariables(of: step.pointee.text, exchange) }
    if step.pointee.query.usesOwn { computeVariables(of: step.pointee.query, exchange) }
    // What is written from here on is copied elsewhere.
    let mark = state.pointee.computedCount
    defer { state.pointee.computedCount = mark }
    let path = keepComputed(step.pointee.text, exchange)
    var query: ByteRange?
    if step.pointee.hasQuery {
      query = keepQuery(step, exchange)
      guard query != nil else { return refuseTarget(exchange, "is too long") }
    }
    let bytes = kept(path, exchange)
    guard !bytes.isEmpty else { return refuseTarget(exchange, "is empty") }
    // `try_files` may still make something of it.
    let isAbsolute = bytes[0] == UInt8(ascii: "/")
    guard isAbsolute || step.pointee.ending == .sameLocation else {
      return refuseTarget(exchange, "does not begin with \"/\"", 404)
    }
    guard bytes.count <= Limits.largestTargetBytes, setPath(exchange, bytes) else {
      return refuseTarget(exchange, "is too long")
    }
    state.pointee.isTargetStale = true
    if query == nil && (step.pointee.keepsQuery || !exchange.pointee.head.hasQuery) { return true }
    guard setQuery(exchange, query.map { kept($0, exchange) }) else {
      return refuseTarget(exchange, "is too long")
    }
    return true
  }

  /// The query of a replacement, and behind it the one that the request has.
  private mutating func keepQuery(
    _ step: UnsafePointer<RewriteStep>, _ exchange: ExchangePointer
  ) -> ByteRange? {
    var query = keepComputed(
      step.pointee.query, exchange, encodesGroups: arrivedEncoded(exchange))
    let old = exchange.pointee.head.query
    guard step.pointee.keepsQuery && !old.isEmpty else { return query }
    return appendQuery(&query, "&", exchange) ? query : nil
  }

  private mutating func appendQuery(
    _ text: inout ByteRange, _ separator: StaticString, _ exchange: ExchangePointer
  ) -> Bool {
    // A text that is a variable's value alone does not lie at the end.
    if text.offsets.upperBound != Int(computingState(exchange).pointee.computedCount) {
      guard let copy = keepAgain(text, exchange) else { return false }
      text = copy
    }
    let query = UnsafeBufferPointer(
      rebasing: exchange.pointee.headBytes[exchange.pointee.head.query.offsets])
    let mark = UnsafeBufferPointer(
      start: separator.utf8Start, count: separator.utf8CodeUnitCount)
    return extend(&text, mark, exchange) && extend(&text, query, exchange)
  }

  /// A copy of what is kept, at the end.
  private mutating func keepAgain(
    _ range: ByteRange, _ exchange: ExchangePointer
  ) -> ByteRange? {
    let state = computingState(exchange)
    let start = Int(state.pointee.computedCount)
    while state.pointee.computedCapacity - start <= Int(range.count) {
      guard growComputed(state) else { return nil }
    }
    let bytes = state.pointee.computedBytes
    for offset in 0..<Int(range.count) {
      bytes[start + offset] = bytes[Int(range.start) + offset]
    }
    state.pointee.computedCount = UInt32(start + Int(range.count))
    return ByteRange(start: start, count: Int(range.count))
  }

  private mutating func refuseTarget(
    _ exchange: ExchangePointer, _ reason: StaticString, _ status: UInt16 = 500
  ) -> Bool {
    report(.error, "rewrite", exchange, exchange.pointee.downstream) { line in
      line.append("the path that \"rewrite\" has made ")
      line.append(reason)
    }
    refuseUnconditionally(exchange, status)
    return false
  }

  /// True when the path came percent-encoded, or with a `+`: then nginx encodes groups that go into
  /// a query or a redirect.
  mutating func arrivedEncoded(_ exchange: ExchangePointer) -> Bool {
    let target = exchange.pointee.headBytes.span.extracting(
      exchange.pointee.head.target.offsets)
    for index in target.indices {
      switch target[index] {
      case UInt8(ascii: "%"), UInt8(ascii: "+"): return true
      case UInt8(ascii: "?"): return false
      default: break
      }
    }
    return false
  }

  // MARK: The request's own path and query

  /// Has the request have a path, as it is.
  private mutating func setPath(
    _ exchange: ExchangePointer, _ path: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    guard let size = Buffer.Size(holding: path.count) else { return false }
    var buffer = buffers.take(size)
    var writer = ByteWriter(buffer.bytes)
    writer.append(path.span)
    swap(&exchange.pointee.pathBuffer, &buffer)
    exchange.pointee.pathByteCount = UInt32(path.count)
    buffers.giveBack(&buffer)
    return true
  }

  /// Has the request have a query, or none, together with the path that it has.
  private mutating func setQuery(
    _ exchange: ExchangePointer, _ query: UnsafeBufferPointer<UInt8>?
  ) -> Bool {
    // The path must not move with the head.
    if exchange.pointee.pathBuffer.isNone {
      guard setPath(exchange, exchange.pointee.pathBytes) else { return false }
    }
    let text = query?.isEmpty == true ? nil : query
    guard replaceTarget(exchange, exchange.pointee.pathBytes, .written, text) else {
      return false
    }
    exchange.pointee.serving?.pointee.isTargetStale = false
    return true
  }

  /// `set $args`; false when the request has been answered.
  mutating func assignQuery(
    _ step: UnsafePointer<RewriteStep>, _ exchange: ExchangePointer, _ encodes: Bool
  ) -> Bool {
    let value = keepValue(step.pointee.text, exchange, encodes)
    guard setQuery(exchange, kept(value, exchange)) else {
      return refuseTarget(exchange, "is too long")
    }
    note(.rewriteStep, exchange, step.pointee.title, try: 1)
    return true
  }

  /// Writes a path that was rewritten to where backends are told of it; false when the request has
  /// been answered.
  mutating func commitTarget(_ exchange: ExchangePointer) -> Bool {
    guard let state = exchange.pointee.serving, state.pointee.isTargetStale else { return true }
    if exchange.pointee.pathBytes.first != UInt8(ascii: "/") {
      return exchange.pointee.plan.pointee.mayServeRelative
        || refuseTarget(exchange, "does not begin with \"/\"")
    }
    state.pointee.isTargetStale = false
    if replaceTarget(exchange, exchange.pointee.pathBytes, .kept, nil) { return true }
    return refuseTarget(exchange, "is too long")
  }

  // MARK: Redirects

  /// Sends the client to the URL of a `rewrite`.
  private mutating func redirect(
    _ step: UnsafePointer<RewriteStep>, _ exchange: ExchangePointer
  ) {
    noteRewrite(step, exchange)
    var url = keep(
      step.pointee.text, exchange, encodesGroups: arrivedEncoded(exchange))
    url = decodeRedirect(url, exchange)
    if step.pointee.keepsQuery && !exchange.pointee.head.query.isEmpty {
      let isAdded = step.pointee.hasQuery
      guard appendQuery(&url, isAdded ? "&" : "?", exchange) else {
        _ = refuseTarget(exchange, "is too long")
        return
      }
    }
    redirectClient(exchange, step.pointee.status, toKept: url)
  }

  /// Decodes what nginx decodes of a redirect's path: what is visible ASCII from `&` on.
  private mutating func decodeRedirect(
    _ range: ByteRange, _ exchange: ExchangePointer
  ) -> ByteRange {
    let state = computingState(exchange)
    let isLast = range.offsets.upperBound == Int(state.pointee.computedCount)
    guard isLast else { return range }
    let bytes = UnsafeMutableBufferPointer(rebasing: state.pointee.computedBytes[range.offsets])
    var end = 0
    var index = 0
    var isPath = true
    while index < bytes.count {
      var byte = bytes[index]
      var length = 1
      if isPath, byte == UInt8(ascii: "%"), index + 2 < bytes.count,
        let decoded = Self.decoded(bytes[index + 1], bytes[index + 2]),
        decoded > UInt8(ascii: "%"), decoded < 0x7F
      {
        byte = decoded
        length = 3
      }
      if byte == UInt8(ascii: "?") { isPath = false }
      bytes[end] = byte
      end += 1
      index += length
    }
    state.pointee.computedCount = UInt32(Int(range.start) + end)
    return ByteRange(start: Int(range.start), count: end)
  }

  private static func decoded(_ high: UInt8, _ low: UInt8) -> UInt8? {
    func value(_ digit: UInt8) -> UInt8? {
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
      default: nil
      }
    }
    guard let high = value(high), let low = value(low) else { return nil }
    return high << 4 | low
  }
}
