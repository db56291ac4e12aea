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
    let isChunked = exchange.pointee.head.framing == .chunked
    if status == 413 && (isChunked || exchange.pointee.head.expectsContinue) { return false }
    if isChunked {
      exchange.pointee.requestLeft = Limits.discardedContentBytes
    } else if exchange.pointee.requestLeft > Limits.discardedContentBytes {
      return false
    }
    guard dropArrivedContent(exchange) else { return false }
    return exchange.pointee.request == .complete || !exchange.pointee.head.expectsContinue
  }

  /// Reads and drops the rest. False when the exchange has ended or must wait.
  mutating func discardContent(_ exchange: ExchangePointer) -> Bool {
    let client = exchange.pointee.client
    for _ in 0..<Limits.readsPerTurn {
      guard dropArrivedContent(exchange) else {
        exchange.pointee.closesConnection = true
        return true
      }
      if exchange.pointee.request == .complete { return true }
      switch receiveContent(exchange) {
      case .bytes: exchange.pointee.needsMoreInput = false
      case .nothing:
        startWaiting(
          client, for: .requestContent,
          atMost: exchange.pointee.plan.pointee.bodyTimeout)
        return false
      case .end, .failed:
        // The answer is out; that the rest never came is the client's affair.
        exchange.pointee.closesConnection = true
        return true
      }
    }
    enqueue(client)
    return false
  }

  /// Drops content that has been read; false when the connection can't be kept because of it.
  private mutating func dropArrivedContent(_ exchange: ExchangePointer) -> Bool {
    guard exchange.pointee.head.framing == .chunked else {
      _ = takeRequestLength(exchange)
      return true
    }
    do throws(HTTP1Error) {
      try dropArrivedChunks(exchange)
    } catch {
      return false
    }
    return exchange.pointee.requestLeft > 0 || exchange.pointee.request == .complete
  }

  /// The same for chunks. What may still be dropped is counted in `requestLeft`, framing included.
  private mutating func dropArrivedChunks(_ exchange: ExchangePointer) throws(HTTP1Error) {
    let client = exchange.pointee.client
    while exchange.pointee.request == .content && !exchange.pointee.needsMoreInput
      && client.pointee.inputCount > 0
    {
      let consumed: Int
      if exchange.pointee.requestInTrailers {
        consumed = try dropTrailers(exchange)
      } else {
        var span = client.pointee.mutableInputBytes.mutableSpan
        let step = try exchange.pointee.requestDecoder.decode(
          &span, maximumLineBytes: Limits.chunkLineBytes)
        consumed = step.consumed
        exchange.pointee.record.contentBytesIn &+= UInt64(step.produced)
        exchange.pointee.requestInTrailers = step.end == .trailers
        if step.end == .complete { exchange.pointee.request = .complete }
        if consumed == 0 && step.end == .more { exchange.pointee.needsMoreInput = true }
      }
      client.pointee.inputStart &+= UInt32(consumed)
      exchange.pointee.record.requestBytes &+= UInt64(consumed)
      exchange.pointee.requestLeft &-= min(exchange.pointee.requestLeft, UInt64(consumed))
    }
  }

  /// Bytes of the trailer section, 0 when its end has not come.
  private mutating func dropTrailers(_ exchange: ExchangePointer) throws(HTTP1Error) -> Int {
    var trailers = FieldSection()
    let bytes = exchange.pointee.client.pointee.inputBytes.span
    guard let count = try trailers.parseTrailers(bytes, maximumBytes: Limits.trailerBytes) else {
      exchange.pointee.needsMoreInput = true
      return 0
    }
    exchange.pointee.request = .complete
    return count
  }
}
