// `limit_rate`: a response is sent no faster than so many bytes a second. What the client may not
// have yet stays where it is, so nothing more is read from the backend either.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  // MARK: How fast

  /// Finds out how fast a response that is about to begin may be sent. `isBuffered` is false for a
  /// backend's that passes unbuffered, which nginx does not slow down.
  @inline(never) mutating func beginPacing(_ exchange: ExchangePointer, isBuffered: Bool = true) {
    let client = exchange.pointee.client
    guard let state = exchange.pointee.serving, !client.pointee.isSubrequest else { return }
    let pace = exchange.pointee.plan.pointee.pace
    if !state.pointee.isRateSet && !pace.rate.isEmpty {
      state.pointee.rate = byteCount(pace.rate, exchange) ?? 0
    }
    guard state.pointee.rate > 0, isBuffered else {
      client.pointee.isPaced = false
      return
    }
    state.pointee.unlimitedBytes = pace.after.isEmpty ? 0 : byteCount(pace.after, exchange) ?? 0
    client.pointee.isPaced = true
  }

  /// The same for a backend's response, whose head is still there.
  @inline(never) mutating func beginPacingBackend(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.upstream != nil, "beginPacingBackend: no backend is attached")
    var isBuffered = exchange.pointee.plan.pointee.buffersResponses
    if let wanted = exchange.pointee.serving?.pointee.wantsBuffering { isBuffered = wanted }
    beginPacing(exchange, isBuffered: isBuffered)
  }

  /// The number of bytes that a template comes to; nil, which is reported, when it is none.
  private mutating func byteCount(
    _ template: Template, _ exchange: ExchangePointer
  ) -> UInt64? {
    let range = keep(template, exchange)
    guard !range.isEmpty else { return nil }
    return readRate(kept(range, exchange), exchange)
  }

  /// Reads a rate, such as `64k`.
  private mutating func readRate(
    _ text: UnsafeBufferPointer<UInt8>, _ exchange: ExchangePointer
  ) -> UInt64? {
    if let count = ByteCount.parse(text.span) { return count }
    report(.error, "response", exchange, exchange.pointee.downstream) { line in
      line.append("\"")
      line.appendEscaped(text.span, .standard)
      line.append("\" is no rate: the response is sent as fast as it goes")
    }
    return nil
  }

  /// `set $limit_rate`: what it is set to, as a number of bytes.
  mutating func setRate(_ text: ByteRange, _ slot: Int, _ exchange: ExchangePointer) {
    let rate = readRate(kept(text, exchange), exchange)
    let state = servingState(exchange)
    if let rate {
      state.pointee.rate = rate
      state.pointee.isRateSet = true
    }
    // The variable tells a number.
    var digits = InlineBytes<24>()
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 24) { memory in
      var writer = ByteWriter(memory)
      writer.append(decimal: state.pointee.rate)
      digits.assign(writer.written.span)
    }
    setValue(slot, keep(digits.span, exchange) ?? .empty, state)
  }

  /// `X-Accel-Limit-Rate` of a backend, unless it is ignored.
  @inline(never) mutating func obeyRate(_ exchange: ExchangePointer, _ value: Span<UInt8>) {
    let ignored = exchange.pointee.plan.pointee.responseRules.ignored
    guard !ignored.contains(.limitRate), let rate = ByteCount.parseDigits(value) else { return }
    let state = servingState(exchange)
    state.pointee.rate = rate
    state.pointee.isRateSet = true
  }

  /// `X-Accel-Buffering` of a backend, unless it is ignored: only what is buffered is paced.
  @inline(never) mutating func obeyBuffering(_ exchange: ExchangePointer, _ value: Span<UInt8>) {
    let ignored = exchange.pointee.plan.pointee.responseRules.ignored
    guard !ignored.contains(.buffering) else { return }
    if FieldNameMatch.equalIgnoringCase(value, "yes") {
      servingState(exchange).pointee.wantsBuffering = true
    } else if FieldNameMatch.equalIgnoringCase(value, "no") {
      servingState(exchange).pointee.wantsBuffering = false
    }
  }

  // MARK: Sending

  /// Bytes that may be sent now over a stream that is paced, and, when there is none, how long that
  /// lasts: as nginx reckons it, by whole seconds since the request began.
  private mutating func allowance(_ exchange: ExchangePointer) -> (bytes: Int, pause: Interval) {
    guard let state = exchange.pointee.serving, state.pointee.rate > 0 else {
      // It was for a response that another one stands in the place of.
      return (.max, Interval(nanoseconds: 0))
    }
    let second: UInt64 = 1_000_000_000
    let elapsed = (now - exchange.pointee.start).nanoseconds
    let rate = state.pointee.rate
    let (product, overflow) = rate.multipliedReportingOverflow(by: elapsed / second + 1)
    let (total, isMore) = product.addingReportingOverflow(state.pointee.unlimitedBytes)
    let sent = exchange.pointee.record.bytesSent
    guard !overflow && !isMore else { return (.max, Interval(nanoseconds: 0)) }
    if total > sent { return (Int(clamping: total - sent), Interval(nanoseconds: 0)) }
    // The first second in which there is one more.
    let (due, isNever) = ((sent - state.pointee.unlimitedBytes) / rate)
      .multipliedReportingOverflow(by: second)
    let pause = isNever ? .max : due - min(due, elapsed)
    return (0, Interval(nanoseconds: max(1_000_000, pause)))
  }

  /// Bytes that a client may be sent now: all, unless its response is paced.
  mutating func mayBeSent(_ stream: StreamPointer) -> Int {
    guard stream.pointee.isPaced, let exchange = stream.pointee.exchange else { return .max }
    return allowance(exchange).bytes
  }

  /// Waits until the client takes more of what it is sent, or until it may be sent more.
  mutating func awaitClient(_ exchange: ExchangePointer) {
    let client = exchange.pointee.client
    precondition(exchange.isLive, "awaitClient: the exchange has ended")
    if client.pointee.isPaced {
      // Its timer goes on with it, whatever happens meanwhile: no room in the socket is awaited.
      if client.pointee.wait == .pause { return }
      let (bytes, pause) = allowance(exchange)
      if bytes == 0 { return startWaiting(client, for: .pause, atMost: pause) }
    }
    startWaiting(
      client, for: .clientSend, atMost: exchange.pointee.plan.pointee.clientSendTimeout)
  }

  /// Goes on with a response when its pause is over.
  mutating func endPause(_ exchange: ExchangePointer) {
    precondition(exchange.isLive, "endPause: the exchange has ended")
    exchange.pointee.client.pointee.flags.insert(.writable)
    enqueue(exchange.pointee.client)
  }
}
