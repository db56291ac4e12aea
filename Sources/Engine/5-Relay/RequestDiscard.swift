// The content of a request that Waybill answered itself: read and thrown away, so that the
// connection can carry the next request, unless there is too much of it.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Drops what has come of the content, and tells whether the rest is to be read, too. False when
  /// the connection must close: more than `Limits.discardedContentBytes` is left, the framing is
  /// broken, or the client waits for a 100 and may send the content or not. After a 413 content of
  /// unknown length is not waited for.
  mutating func mayDiscardContent(_ exchange: ExchangePointer, _ status: UInt16) -> Bool {
    precondition(exchange.pointee.response == .none, "mayDiscardContent: a response has begun")
    precondition(exchange.pointee.request == .content, "mayDiscardContent: no content is to come")
    // A session needs no reading on: the streams behind this one stand apart from it.
    if exchange.pointee.client.pointee.isMultiplexed { return false }
    let isChunked = exchange.pointee.requestReader.framing == .chunked
    if status == 413 && (isChunked || exchange.pointee.head.expectsContinue) { return false }
    if isChunked {
      exchange.pointee.discardLeft = Limits.discardedContentBytes
    } else if exchange.pointee.requestReader.left > Limits.discardedContentBytes {
      return false
    }
    guard dropArrivedContent(exchange) else { return false }
    return exchange.pointee.request == .complete || !exchange.pointee.head.expectsContinue
  }

  /// Reads and drops the rest. False when the exchange has ended or must wait.
  mutating func discardContent(_ exchange: ExchangePointer) -> Bool {
    precondition(exchange.pointee.discardsContent, "discardContent: the content is wanted")
    precondition(exchange.pointee.upstream == nil, "discardContent: a backend may want it")
    let client = exchange.pointee.client
    for _ in 0..<Limits.readsPerTurn {
      guard dropArrivedContent(exchange) else {
        exchange.pointee.requireClosure(.orderly)
        return true
      }
      if exchange.pointee.request == .complete { return true }
      switch receiveContent(exchange) {
      case .bytes: exchange.pointee.requestReader.needsMore = false
      case .nothing:
        awaitDiscarded(client)
        return false
      case .end, .failed:
        // The answer is out; that the rest never came is the client's affair.
        exchange.pointee.requireClosure(.orderly)
        return true
      }
    }
    enqueue(client)
    return false
  }

  /// Waits for content that is not wanted, no longer than for a client that lingers: the time is
  /// for all of it, and bytes must not prolong it.
  private mutating func awaitDiscarded(_ client: StreamPointer) {
    if !client.pointee.flags.contains(.reusable) {
      stopWaiting(client)
      joinReusable(client.pointee.connection)
    }
    client.pointee.flags.remove(.progressed)
    startWaiting(client, for: .requestContent, atMost: Limits.lingeringTime)
  }

  /// Drops content that has been read; false when the connection can't be kept because of it. Of
  /// chunked content what may be dropped is counted in `discardLeft`, framing included.
  private mutating func dropArrivedContent(_ exchange: ExchangePointer) -> Bool {
    let client = exchange.pointee.client
    let start = exchange.pointee.record.requestBytes
    do throws(HTTP1Error) {
      while exchange.pointee.request == .content && client.pointee.inputCount > 0
        && !exchange.pointee.requestReader.needsMore
      {
        if exchange.pointee.requestReader.place == .trailers {
          var trailers = FieldSection()
          _ = try takeRequestTrailers(&trailers, exchange)
        } else {
          _ = try takeUncheckedContent(exchange)
        }
      }
    } catch {
      return false
    }
    guard exchange.pointee.requestReader.framing == .chunked else { return true }
    let dropped = exchange.pointee.record.requestBytes &- start
    exchange.pointee.discardLeft &-= min(exchange.pointee.discardLeft, dropped)
    return exchange.pointee.discardLeft > 0 || exchange.pointee.request == .complete
  }
}
