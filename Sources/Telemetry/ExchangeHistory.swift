import Basics
import HTTP

/// What happened to an exchange, step by step: its last events, kept in fixed memory and told only
/// when somebody needs to know (`slow_log`, `debug_request`, or an end before its time). Detail on
/// demand, without a debug log.
public struct ExchangeHistory: Sendable, BitwiseCopyable {
  /// A step. What `value` and `try` mean stands behind each.
  public enum Event: UInt8, Sendable, BitwiseCopyable {
    /// The request's head is complete. Value: its bytes.
    case requestHead
    /// A connection to a peer is begun. Value: the peer's index; with the number of the try.
    case connecting
    /// A kept connection to a peer is taken. Value: the peer's index; with the number of the try.
    case reusing
    /// The connection to the peer is made.
    case connected
    /// All of the request has been handed to the peer's socket. Value: the bytes.
    case requestSent
    /// The peer takes no more of the request for now.
    case upstreamBlocked
    /// A 1xx response has come. Value: the status.
    case interimResponse
    /// The head of the peer's final response has come. Value: the status.
    case responseHead
    /// A try has failed. Value: an `ErrorType`.
    case tryFailed
    /// The client takes no more of the response for now.
    case clientBlocked
    /// A tunnel is open.
    case tunnelOpened
    /// Waybill answers itself. Value: the status.
    case ownResponse
    /// The client has gone away.
    case clientLeft
    /// The request is malformed. Value: the offset of the byte; in place of the try: what is wrong.
    case malformedRequest
    /// The response is malformed. Value and try: see `malformedRequest`.
    case malformedResponse
    /// A person ended it.
    case aborted
    /// The request goes on with another path, or in a named location. Value: how often that has
    /// happened by then.
    case redirected
    /// A file is opened to be sent. Value: its bytes.
    case fileOpened
    /// A step of rewriting. Value: the number of its title; in place of the try: 1 for one that was
    /// executed, 2 for one whose condition holds, 3 for one whose condition does not.
    case rewriteStep
    /// The location of `auth_request` is asked.
    case authorizationAsked
    /// It has answered. Value: the status.
    case authorizationAnswered
    /// A copy of the request is sent to the location of a `mirror`.
    case mirrored
    /// All of the response is here, and its backend is free. Value: the bytes that the client has
    /// still to take of what was kept for it.
    case upstreamFreed
  }

  /// An event and when it was noted.
  @usableFromInline struct Entry: Sendable, BitwiseCopyable {
    @usableFromInline var time = Instant(nanoseconds: 0)
    @usableFromInline var value: UInt32 = 0
    @usableFromInline var event = Event.requestHead
    @usableFromInline var tryNumber: UInt8 = 0

    @inlinable init() {}
  }

  /// The most events kept; older ones are overwritten.
  @inlinable public static var capacity: Int { 16 }

  @usableFromInline var entries = InlineArray<16, Entry>(repeating: Entry())
  @usableFromInline var noted: UInt32 = 0

  /// No events.
  public init() {}

  /// True when nothing has been noted.
  public var isEmpty: Bool { noted == 0 }

  /// Forgets all events.
  @inlinable @inline(__always) public mutating func removeAll() { noted = 0 }

  /// Notes an event. A value beyond 32 bits is kept as the largest that fits.
  @inlinable @inline(__always)
  public mutating func note(_ event: Event, at time: Instant, _ value: Int = 0, try number: Int = 0)
  {
    let index = Int(noted & 15)
    entries[index].time = time
    entries[index].value = UInt32(clamping: value)
    entries[index].event = event
    entries[index].tryNumber = UInt8(truncatingIfNeeded: number)
    noted &+= 1
  }

  /// Notes an event unless it is the last one noted already: a client that is slow all along would
  /// drive out everything else.
  public mutating func noteOnce(_ event: Event, at time: Instant) {
    if noted > 0 && entries[Int((noted &- 1) & 15)].event == event { return }
    note(event, at: time)
  }

  /// What is malformed in the request, if it is and that is among the events kept.
  public var requestFault: HTTP1Error? { fault(.malformedRequest) }
  /// What is malformed in the response, if it is and that is among the events kept.
  public var responseFault: HTTP1Error? { fault(.malformedResponse) }

  private func fault(_ event: Event) -> HTTP1Error? {
    for index in 0..<min(Int(noted), ExchangeHistory.capacity) where entries[index].event == event {
      guard let kind = HTTP1Error.Kind(rawValue: entries[index].tryNumber) else { continue }
      return HTTP1Error(kind, at: Int(entries[index].value))
    }
    return nil
  }

  /// The steps of rewriting among the events kept, in words.
  public func rewriting(titles: FrozenArray<FrozenBytes>) -> [String] {
    let kept = min(Int(noted), ExchangeHistory.capacity)
    return (0..<kept).compactMap { offset in
      let entry = entries[(Int(noted) - kept + offset) & 15]
      guard entry.event == .rewriteStep, Int(entry.value) < titles.count else { return nil }
      let title = titles[Int(entry.value)]
      let text = String(decoding: title.indices.map { title[$0] }, as: UTF8.self)
      return entry.tryNumber < 2 ? text : text + (entry.tryNumber == 2 ? ": holds" : ": does not")
    }
  }

  /// Writes the events in order, each with the time since `start`. `writePeer` writes the name of
  /// the peer with an index, of the upstream that was asked after so many internal redirects, of
  /// which there were `redirectCount` in all; `titles` are those of steps of rewriting.
  public func write(
    since start: Instant, redirectCount: Int = 0, titles: FrozenArray<FrozenBytes> = .empty,
    into writer: inout ByteWriter,
    writePeer: (_ peer: Int, _ redirects: Int, inout ByteWriter) -> Void
  ) {
    var redirects = redirectsBefore ?? redirectCount
    let kept = min(Int(noted), ExchangeHistory.capacity)
    if kept < Int(noted) {
      writer.append("(")
      writer.append(decimal: UInt64(Int(noted) - kept))
      writer.append(" earlier events) ")
    }
    for offset in 0..<kept {
      let entry = entries[(Int(noted) - kept + offset) & 15]
      if entry.event == .redirected { redirects = Int(entry.value) }
      if offset > 0 { writer.append(", ") }
      writer.append("+")
      writer.append(microsecondsAsSeconds: (entry.time - start).microseconds)
      writer.append(" ")
      let asked = redirects
      entry.write(titles, into: &writer) { writePeer($0, asked, &$1) }
    }
  }

  /// How many internal redirects there were before the oldest event that is kept; nil when no
  /// redirect is among those, and so all were before.
  private var redirectsBefore: Int? {
    let kept = min(Int(noted), ExchangeHistory.capacity)
    for offset in 0..<kept {
      let entry = entries[(Int(noted) - kept + offset) & 15]
      if entry.event == .redirected { return Int(entry.value) - 1 }
    }
    return nil
  }
}

extension ExchangeHistory.Entry {
  fileprivate func write(
    _ titles: FrozenArray<FrozenBytes>, into writer: inout ByteWriter,
    writePeer: (Int, inout ByteWriter) -> Void
  ) {
    switch event {
    case .requestHead: write("head of ", value, " bytes", into: &writer)
    case .connecting, .reusing:
      write("try ", UInt32(tryNumber), ": ", into: &writer)
      writer.append(event == .connecting ? "connecting to " : "kept connection to ")
      writePeer(Int(value), &writer)
    case .connected: writer.append("connected")
    case .requestSent: write("request sent, ", value, " bytes", into: &writer)
    case .upstreamBlocked: writer.append("the peer has stopped reading")
    case .interimResponse, .responseHead: write("response ", value, "", into: &writer)
    case .tryFailed: writer.append((ErrorType(rawValue: UInt8(value)) ?? .none).name)
    case .clientBlocked: writer.append("the client has stopped reading")
    case .tunnelOpened: writer.append("tunnel open")
    case .ownResponse: write("own response ", value, "", into: &writer)
    case .clientLeft: writer.append("the client disconnected")
    case .malformedRequest: writeFault("the request is malformed", into: &writer)
    case .malformedResponse: writeFault("the response is malformed", into: &writer)
    case .aborted: writer.append("ended by an operator")
    case .redirected: write("internal redirect ", value, "", into: &writer)
    case .fileOpened: write("file of ", value, " bytes", into: &writer)
    case .rewriteStep: writeStep(titles, into: &writer)
    case .authorizationAsked: writer.append("auth_request asked")
    case .authorizationAnswered: write("auth_request answered ", value, "", into: &writer)
    case .mirrored: writer.append("mirrored")
    case .upstreamFreed: write("the backend is free, ", value, " bytes are kept", into: &writer)
    }
  }

  private func writeStep(
    _ titles: FrozenArray<FrozenBytes>, into writer: inout ByteWriter
  ) {
    guard Int(value) < titles.count else { return write("step ", value, "", into: &writer) }
    writer.appendEscaped(titles[Int(value)].span, .json)
    if tryNumber > 1 { writer.append(tryNumber == 2 ? " (holds)" : " (does not)") }
  }

  private func writeFault(_ what: StaticString, into writer: inout ByteWriter) {
    writer.append(what)
    write(" at byte ", value, "", into: &writer)
  }

  private func write(
    _ before: StaticString, _ number: UInt32, _ after: StaticString, into writer: inout ByteWriter
  ) {
    writer.append(before)
    writer.append(decimal: UInt64(number))
    writer.append(after)
  }
}
