// One end of an HTTP/2 connection (RFC 9113), over memory: no socket and no clock.
//
// nghttp2 reads and writes frames, compresses fields and keeps the windows. This adds what that
// leaves to its user: bounds on heads, control frames and provoked resets; content that is taken
// from its sender only as the peer's windows allow; and an end for every stream that was begun.
// `HTTP2Server` and `HTTP2Client` are the two ends.

import CNghttp2

/// One connection. Not for several threads at once.
public class HTTP2Connection {
  /// Bytes of frames that are composed ahead of being written.
  static let outputBytes = 64 * 1024
  /// What a frame that no longer fits may be larger by.
  private static let largestFrameBytes = 9 + 16_384

  let settings: HTTP2Settings
  var session: OpaquePointer?
  private var events: [HTTP2Event] = []
  private var nextEvent = 0
  var heads = HeadArena()
  /// The stream of which a section of fields is coming, a head or trailers.
  var sectionStream: UnsafeMutablePointer<HTTP2Stream>?
  /// Where those fields lie.
  var section = HeadPlace()
  /// Where those lie that the events tell of.
  private var sections: [HeadPlace] = []
  private var nextSection = 0
  /// The section of the event that was taken last.
  private var takenSection = HeadPlace()
  /// All streams that somebody has not let go of.
  var firstStream: UnsafeMutablePointer<HTTP2Stream>?
  /// Those that nghttp2 has let go of and the user has not.
  var closedStreams: [UnsafeMutablePointer<HTTP2Stream>] = []
  /// Those that nghttp2 knows only by their number so far.
  var unopenedStreams: [UnsafeMutablePointer<HTTP2Stream>] = []
  private(set) var isBroken = false
  /// The connection is being ended in good order.
  private var isEnding = false
  /// Frames to be written; there is no memory for them while there are none.
  private var frames = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var frameCount = 0
  var fields = HTTP2FieldList()

  /// Requests that have begun.
  private(set) var requestCount = 0
  private var controlFrameCount = 0
  private var sentContentCount = 0
  private var sentContentBytes = 0
  private var second: UInt64?
  private var provokedResetCount = 0
  private var resetCount = 0

  /// A connection of which nothing has come yet. `own` are the settings that this end has to make
  /// besides those that both make.
  init(_ settings: HTTP2Settings, isServer: Bool, _ own: [nghttp2_settings_entry]) {
    self.settings = settings
    let context = Unmanaged.passUnretained(self).toOpaque()
    session = HTTP2Callbacks.makeSession(settings, isServer: isServer, context)
    var entries =
      own + [
        nghttp2_settings_entry(
          settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
          value: settings.streamWindow),
        nghttp2_settings_entry(
          settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
          value: UInt32(settings.headBytes)),
        // Priorities of RFC 7540 are not kept (RFC 9218 section 2.1).
        nghttp2_settings_entry(
          settings_id: Int32(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES.rawValue), value: 1),
      ]
    let flags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
    check(nghttp2_submit_settings(session, flags, &entries, entries.count))
    check(
      nghttp2_session_set_local_window_size(session, flags, 0, Int32(settings.connectionWindow)))
  }

  deinit {
    nghttp2_session_del(session)
    frames.deallocate()
    while let stream = firstStream { free(stream) }
  }

  /// Only a lack of memory makes these fail.
  func check(_ result: Int32) { precondition(result == 0, "nghttp2: no memory, or misused") }

  // MARK: What the two ends do differently

  /// A section of fields begins.
  func beginSection(_ frame: nghttp2_headers, _ number: Int32) {
    sectionStream = nil
    guard let stream = find(UInt32(number)), !stream.pointee.isReleased else { return }
    beginSection(of: stream)
  }

  /// False when nobody reads the section of fields that is coming.
  func expectsSection(_ number: UInt32) -> Bool { true }

  /// nghttp2 has let go of a stream that somebody still holds.
  func noteClosed(_ stream: UnsafeMutablePointer<HTTP2Stream>, _ code: UInt32) {
    preconditionFailure("an end must say how")
  }

  /// Somebody has let go of a stream that nghttp2 still holds.
  /// `code` is what its peer is told if it is not over.
  func letGo(_ stream: UnsafeMutablePointer<HTTP2Stream>, _ code: nghttp2_error_code) {
    preconditionFailure("an end must say how")
  }

  /// The last frame of a stream has been composed.
  func noteEndSent(_ stream: UnsafeMutablePointer<HTTP2Stream>) {}

  /// SETTINGS or GOAWAY has come.
  func noteChange(_ header: nghttp2_frame_hd) {}

  // MARK: What comes

  /// Takes the next event from the front of `bytes`, and those bytes with it.
  public func next(_ bytes: inout UnsafeRawBufferPointer) -> HTTP2Event {
    while true {
      if nextEvent < events.count {
        nextEvent += 1
        let event = events[nextEvent - 1]
        if event.hasSection {
          takenSection = sections[nextSection]
          nextSection += 1
        }
        return event
      }
      events.removeAll(keepingCapacity: true)
      nextEvent = 0
      dropTakenHeads()
      if isBroken || bytes.isEmpty { return .nothing }
      let count = nghttp2_session_mem_recv(
        session, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
      guard count >= 0 else {
        // What nghttp2 ends by itself has its GOAWAY already.
        fail(NGHTTP2_PROTOCOL_ERROR)
        continue
      }
      bytes = UnsafeRawBufferPointer(rebasing: bytes[count...])
    }
  }

  func add(_ event: HTTP2Event) { events.append(event) }

  /// Marks the content that has come last as a stream's last; it may be empty.
  func addEnd(of number: UInt32) {
    if case .content(number, let bytes, false) = events.last {
      events[events.count - 1] = .content(number, bytes, ends: true)
    } else {
      events.append(.content(number, UnsafeRawBufferPointer(start: nil, count: 0), ends: true))
    }
  }

  /// Tells that a section of fields has come whole.
  func add(_ event: HTTP2Event, _ section: HeadPlace) {
    events.append(event)
    sections.append(section)
  }

  private func dropTakenHeads() {
    sections.removeAll(keepingCapacity: true)
    nextSection = 0
    // One that is coming may lie in the middle of a read.
    if sectionStream == nil { heads.removeAll() }
  }

  /// Ends the connection because of what its peer does.
  func fail(_ code: nghttp2_error_code) {
    guard !isBroken else { return }
    isBroken = true
    nghttp2_session_terminate_session(session, UInt32(code.rawValue))
    events.append(.broken)
  }

  func noteRequest() { requestCount += 1 }

  /// Counts a frame with content that was sent: its receiver opens its windows again.
  func noteSentContent(_ byteCount: Int) {
    sentContentCount += 1
    sentContentBytes += byteCount
  }

  /// Says what time it is, in seconds since any moment. Control frames and resets are forgiven as
  /// it goes by.
  public func note(second now: UInt64) {
    let elapsed = Int(clamping: now &- (second ?? now))
    second = now
    guard elapsed > 0 else { return }
    Self.forgive(&controlFrameCount, settings.controlFramesPerSecond, elapsed)
    Self.forgive(&resetCount, settings.resetRate, elapsed)
  }

  private static func forgive(_ count: inout Int, _ rate: Int, _ elapsed: Int) {
    let forgiven = elapsed.multipliedReportingOverflow(by: rate)
    count = forgiven.overflow ? 0 : max(0, count - forgiven.partialValue)
  }

  /// Counts a stream that its peer has reset. nghttp2 counts them as well, but takes all that has
  /// come until its GOAWAY is sent, and many requests may have come at once.
  func noteReset() {
    resetCount += 1
    if resetCount > settings.resetBurst { fail(NGHTTP2_ENHANCE_YOUR_CALM) }
  }

  /// Counts a frame that carries neither a head nor content.
  func noteControlFrame() {
    controlFrameCount += 1
    let allowed =
      settings.controlFrames + requestCount * settings.controlFramesPerRequest
      + sentContentCount * settings.controlFramesPerContent
      + sentContentBytes / settings.contentBytesPerControlFrame
    if controlFrameCount > allowed { fail(NGHTTP2_ENHANCE_YOUR_CALM) }
  }

  /// Counts a stream that this side had to reset because of what its peer did.
  func noteProvokedReset() {
    provokedResetCount += 1
    let allowed = max(settings.provokedResets, requestCount / 2)
    if provokedResetCount > allowed { fail(NGHTTP2_ENHANCE_YOUR_CALM) }
  }

  /// Bytes that a head or a trailer section has at most, as `takeHead` writes it: a line has four
  /// bytes besides its field, and the first two lines have less than 64.
  public var largestHeadByteCount: Int { takenSection.count + 64 }

  /// Writes a head as HTTP/1.1 would have it into `memory`; returns its bytes. Only when its event
  /// has just been taken.
  public func takeHead(
    into memory: UnsafeMutableRawBufferPointer
  ) throws(HTTP2HeadProblem) -> Int {
    var composer = HeadComposer(memory)
    return try composer.compose(takenSection, of: heads)
  }

  /// The same for a trailer section.
  public func takeTrailers(
    into memory: UnsafeMutableRawBufferPointer
  ) throws(HTTP2HeadProblem) -> Int {
    var composer = HeadComposer(memory)
    return try composer.composeLines(takenSection, of: heads)
  }

  /// Says that content has been passed on, so that the peer may send as much again.
  public func giveCredit(_ number: UInt32, _ count: Int) {
    // What had come by then was given back when the stream was let go.
    guard let stream = find(number), !stream.pointee.isClosed, !stream.pointee.isReleased else {
      return
    }
    precondition(count <= stream.pointee.uncredited, "giveCredit: more than has come")
    stream.pointee.uncredited -= count
    check(nghttp2_session_consume(session, Int32(number), count))
  }

  // MARK: What leaves

  /// Begins a head or a trailer section; its fields are added in their order, pseudo-fields first.
  public func beginFields() { fields.removeAll() }

  /// Adds a field; its name may have capitals.
  public func addField(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    fields.append(name, value)
  }

  /// Sends the fields behind a stream's content, with which it ends.
  func sendTrailers(_ stream: UnsafeMutablePointer<HTTP2Stream>) {
    precondition(stream.pointee.trailers == nil, "sendFields: a second trailer section")
    stream.pointee.ends = true
    guard !fields.isEmpty else { return resume(stream) }
    let list = UnsafeMutablePointer<HTTP2FieldList>.allocate(capacity: 1)
    list.initialize(to: fields)
    stream.pointee.trailers = list
    resume(stream)
  }

  /// Takes content, as much as the peer may be sent now and as there is room for; returns how
  /// much. With `ends` nothing follows, once all of it has been taken.
  public func sendContent(_ number: UInt32, _ bytes: UnsafeRawBufferPointer, ends: Bool) -> Int {
    guard let stream = find(number), !stream.pointee.isClosed else { return bytes.count }
    precondition(stream.pointee.hasSentHead, "sendContent: no head has been sent")
    precondition(!stream.pointee.ends || bytes.isEmpty, "sendContent: the stream has ended")
    stream.pointee.source = bytes
    stream.pointee.ends = ends || stream.pointee.ends
    resume(stream)
    fill()
    let taken = bytes.count - stream.pointee.source.count
    stream.pointee.source = UnsafeRawBufferPointer(start: nil, count: 0)
    if taken < bytes.count { stream.pointee.ends = false }
    return taken
  }

  private func resume(_ stream: UnsafeMutablePointer<HTTP2Stream>) {
    guard stream.pointee.isDeferred else { return }
    stream.pointee.isDeferred = false
    // It fails only where nothing was deferred.
    _ = nghttp2_session_resume_data(session, Int32(stream.pointee.number))
  }

  /// True when some content of a stream would be taken.
  public func maySend(_ number: UInt32) -> Bool {
    guard frameCount < Self.outputBytes else { return false }
    guard let stream = find(number), !stream.pointee.isClosed else { return true }
    return nghttp2_session_get_stream_remote_window_size(session, Int32(number)) > 0
      && nghttp2_session_get_remote_window_size(session) > 0
  }

  /// What is to be written to the connection; valid until anything else is called.
  public var output: UnsafeRawBufferPointer {
    fill()
    return UnsafeRawBufferPointer(rebasing: frames[..<frameCount])
  }

  /// Says that so many bytes of `output` have been written, or are kept elsewhere.
  public func dropOutput(_ count: Int) {
    precondition(count <= frameCount, "dropOutput: more than there is")
    if count < frameCount {
      UnsafeMutableRawBufferPointer(rebasing: frames[..<(frameCount - count)])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: frames[count..<frameCount]))
    }
    frameCount -= count
    guard frameCount == 0 else { return }
    frames.deallocate()
    frames = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  }

  /// Composes frames until there is nothing to be sent, or enough for one write.
  func fill() {
    while frameCount < Self.outputBytes {
      var bytes: UnsafePointer<UInt8>?
      let count = nghttp2_session_mem_send(session, &bytes)
      guard count > 0, let bytes else { return precondition(count == 0, "nghttp2: no memory") }
      if frames.isEmpty {
        frames = .allocate(byteCount: Self.outputBytes + Self.largestFrameBytes, alignment: 16)
      }
      precondition(count <= frames.count - frameCount, "fill: a frame is too large")
      UnsafeMutableRawBufferPointer(rebasing: frames[frameCount..<frameCount + count])
        .copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: count))
      frameCount += count
    }
  }

  /// True when nothing more can come or leave.
  public var isFinished: Bool {
    frameCount == 0 && nghttp2_session_want_read(session) == 0
      && nghttp2_session_want_write(session) == 0
  }

  /// Ends the connection: streams of which nothing is known yet can safely be begun again.
  public func end() {
    guard !isBroken, !isEnding else { return }
    isEnding = true
    nghttp2_session_terminate_session(session, 0)
  }

  /// Notes that nghttp2 ends the connection because of what its peer does.
  func noteGoAway(_ code: UInt32) {
    guard code != NGHTTP2_NO_ERROR.rawValue, !isBroken, !isEnding else { return }
    isBroken = true
    events.append(.broken)
  }

  /// Frames that wait to become output.
  public var queuedFrameCount: Int { nghttp2_session_get_outbound_queue_size(session) }

  /// True when something has happened while frames were composed: `next` tells it without bytes.
  public var hasEvents: Bool { nextEvent < events.count }
}
