// Reading from one of several streams of a connection, and writing to it.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Says what has become of a stream all of whose content has been taken, and lets more come.
  mutating func receiveMultiplexed(_ stream: StreamPointer) -> Receipt {
    let place = stream.place
    let isBackend = stream.pointee.connection.pointee.role == .upstream
    if isBackend && stream.pointee.inputCount > 0 {
      place.pointee.failure = .malformed
      return .failed(KernelError(kind: .reset, code: 0))
    }
    precondition(stream.pointee.inputCount == 0, "receive: there is content left to be taken")
    stream.pointee.inputStart = 0
    stream.pointee.inputEnd = 0
    buffers.giveBack(&stream.pointee.input)
    let hasFailed = stream.pointee.flags.contains(.failed)
    if !hasFailed { giveCredit(stream) }
    // What a backend had sent before it failed is passed on.
    if !place.pointee.later.isNone && (isBackend || !hasFailed) {
      takeLater(stream)
      return .bytes
    }
    if hasFailed { return .failed(KernelError(kind: .reset, code: 0)) }
    stream.pointee.flags.remove(.readable)
    guard place.pointee.hasEnded, !stream.pointee.flags.contains(.endRead) else { return .nothing }
    stream.pointee.flags.insert(.endRead)
    return .end
  }

  /// Lets as much more come as has been taken.
  private mutating func giveCredit(_ stream: StreamPointer) {
    let place = stream.place
    let taken = Int(place.pointee.uncredited)
    guard taken > 0, let link = stream.pointee.connection.pointee.session else { return }
    place.pointee.uncredited = 0
    link.pointee.session.giveCredit(place.pointee.number, taken)
    enqueue(stream.pointee.connection)
  }

  /// Makes what has come behind the input the input.
  private mutating func takeLater(_ stream: StreamPointer) {
    let place = stream.place
    precondition(stream.pointee.input.isNone, "takeLater: there is an input")
    stream.pointee.input = place.pointee.later
    stream.pointee.inputEnd = place.pointee.laterCount
    place.pointee.uncredited = place.pointee.laterUncredited
    place.pointee.later = .none
    place.pointee.laterCount = 0
    place.pointee.laterUncredited = 0
  }

  /// Hands heads, if there are any, and content to the session; what it does not take waits.
  mutating func sendMultiplexed(
    _ stream: StreamPointer, _ first: UnsafeRawBufferPointer
  ) -> WriteResult {
    precondition(stream.pointee.exchange != nil, "sendMultiplexed: it has no exchange")
    if stream.pointee.isSubrequest { return takeAnswer(stream, first) }
    let connection = stream.pointee.connection
    guard let link = connection.pointee.session, !stream.pointee.flags.contains(.failed),
      !connection.pointee.flags.contains(.failed)
    else { return .failed(KernelError(kind: .reset, code: 0)) }
    let ends = isLastPiece(stream)
    var rest = first
    while stream.pointee.headCount > 0 {
      stream.pointee.headCount &-= 1
      let isLast = ends && stream.pointee.output.payloadCount == 0
      let count = putHead(stream, link, rest, ends: isLast)
      guard count > 0 else { return .failed(KernelError(kind: .reset, code: 0)) }
      if isLast && count == rest.count { stream.place.pointee.isEnded = true }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    let headCount = first.count - rest.count
    let allowed = max(0, mayBeSent(stream) - headCount)
    let contentCount = putContent(stream, link, rest, ends: ends, atMost: allowed)
    if contentCount > 0 { goBehind(stream, link) }
    if headCount + contentCount > 0 || allowed > 0 { enqueue(connection) }
    return .bytes(headCount + contentCount)
  }

  /// Hands a head, or a trailer section, to the session; says how many bytes it has. The first one
  /// towards a backend begins the stream there; 0 when that can't be begun.
  private mutating func putHead(
    _ stream: StreamPointer, _ link: SessionLinkPointer, _ bytes: UnsafeRawBufferPointer,
    ends: Bool
  ) -> Int {
    let place = stream.place
    if place.pointee.number != 0 {
      return link.pointee.session.putHead(place.pointee.number, bytes, ends: ends)
    }
    precondition(stream.pointee.connection.pointee.role == .upstream, "putHead: not a backend's")
    guard let (number, count) = link.pointee.session.begin(bytes, ends: ends) else {
      place.pointee.failure = .refused
      stream.pointee.flags.formUnion([.failed, .readable])
      return 0
    }
    place.pointee.number = number
    return count
  }

  /// Lets the other streams of the connection write before this one does so again, unless its
  /// client wants one response after the other.
  private func goBehind(_ stream: StreamPointer, _ link: SessionLinkPointer) {
    let place = stream.place
    guard place.pointee.next != nil, place.pointee.priority.isIncremental else { return }
    link.pointee.remove(place)
    link.pointee.append(place)
  }

  /// Hands content to the session, no more than `maximum` bytes; says how much it took.
  private mutating func putContent(
    _ stream: StreamPointer, _ link: SessionLinkPointer, _ rest: UnsafeRawBufferPointer,
    ends isEnd: Bool, atMost maximum: Int
  ) -> Int {
    let place = stream.place
    let all = stream.pointee.output.payloadBytes
    let isCut = rest.count + all.count > maximum
    let ends = isEnd && !isCut
    let rest = UnsafeRawBufferPointer(rebasing: rest[..<min(rest.count, maximum)])
    let payload = UnsafeRawBufferPointer(
      rebasing: all[..<min(all.count, maximum - rest.count)])
    precondition(!place.pointee.isEnded || rest.count + payload.count == 0, "send: it has ended")
    var taken = 0
    if !rest.isEmpty {
      let isLast = ends && payload.isEmpty
      taken = link.pointee.session.putContent(place.pointee.number, rest, ends: isLast)
      guard taken == rest.count else { return taken }
      if isLast { place.pointee.isEnded = true }
    }
    if !payload.isEmpty || (ends && !place.pointee.isEnded) {
      let count = link.pointee.session.putContent(place.pointee.number, payload, ends: ends)
      taken += count
      if ends && count == payload.count { place.pointee.isEnded = true }
    }
    return taken
  }

  /// True when nothing follows what is being sent.
  private func isLastPiece(_ stream: StreamPointer) -> Bool {
    guard let exchange = stream.pointee.exchange else { return false }
    if stream != exchange.pointee.client { return exchange.pointee.request == .complete }
    switch exchange.pointee.response {
    case .composed: return !hasMoreOfPage(exchange)
    case .tunnel: return stream.pointee.flags.contains(.endWritten)
    case .none, .pending, .content, .kept, .file, .heldBack, .delivering: return false
    }
  }
}
