// The client's end of an HTTP/2 connection: requests leave, responses come.

import CNghttp2

/// One connection to a server. Not for several threads at once.
public final class HTTP2Client: HTTP2Connection {
  /// The server has said what it allows.
  private var hasSettings = false
  /// The server asks for no more streams.
  private var hasGoneAway = false

  /// A connection of which nothing has been sent yet; the preface is the first of its output.
  public init(_ settings: HTTP2Settings) {
    super.init(
      settings, isServer: false,
      [
        nghttp2_settings_entry(
          settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0)
      ])
  }

  /// How many streams there may be at a time: nil before the server has said so, 0 when it wants no
  /// more.
  public var streamLimit: Int? {
    guard !isBroken, !hasGoneAway, nghttp2_session_check_request_allowed(session) != 0 else {
      return 0
    }
    guard hasSettings else { return nil }
    return Int(
      nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
  }

  /// True when no stream can be begun any more: those that run may end.
  public var isEndAnnounced: Bool { isBroken || hasGoneAway }

  /// Begins a stream with the fields, a request's head. With `ends` nothing follows. Nil when the
  /// connection has had too many, or ends.
  public func begin(ends: Bool) -> UInt32? {
    guard streamLimit != 0 else { return nil }
    let stream = makeStream(0)
    stream.pointee.isKnown = true
    stream.pointee.hasSentHead = true
    stream.pointee.ends = ends
    let session = session
    var provider = HTTP2Callbacks.provider(of: stream)
    let number = fields.withFields { fields, count in
      ends
        ? nghttp2_submit_request(session, nil, fields, count, nil, stream)
        : nghttp2_submit_request(session, nil, fields, count, &provider, stream)
    }
    guard number > 0 else {
      free(stream)
      return nil
    }
    stream.pointee.number = UInt32(number)
    unopenedStreams.append(stream)
    noteRequest()
    fill()
    return stream.pointee.number
  }

  /// Sends the fields behind a request's content, with which it ends.
  public func sendTrailers(_ number: UInt32) {
    guard let stream = find(number), !stream.pointee.isClosed else { return }
    precondition(!stream.pointee.ends, "sendTrailers: the request has ended")
    sendTrailers(stream)
  }

  /// Asks the server for a sign of life.
  public func ping() {
    check(nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil))
  }

  override func noteChange(_ header: nghttp2_frame_hd) {
    if UInt32(header.type) == NGHTTP2_GOAWAY.rawValue {
      hasGoneAway = true
    } else if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 {
      hasSettings = true
    }
    add(.changed)
  }

  /// What comes of a stream that was given up counts with the frames that carry nothing.
  override func expectsSection(_ number: UInt32) -> Bool {
    find(number).map { !$0.pointee.isReleased } ?? false
  }

  /// A response that is complete stays so, whatever becomes of the rest of its request.
  override func noteClosed(_ stream: UnsafeMutablePointer<HTTP2Stream>, _ code: UInt32) {
    guard !stream.pointee.hasEnded else { return }
    add(.reset(stream.pointee.number, reason(stream, code)))
  }

  private func reason(
    _ stream: UnsafeMutablePointer<HTTP2Stream>, _ code: UInt32
  ) -> HTTP2ResetReason {
    if stream.pointee.unsentReason == NGHTTP2_ERR_FRAME_SIZE_ERROR.rawValue {
      return .headTooLarge
    }
    if stream.pointee.unsentReason != 0 { return .refused }
    if code == NGHTTP2_REFUSED_STREAM.rawValue && !stream.pointee.headHasCome { return .refused }
    return stream.pointee.peerReset == nil ? .malformed : .cancelled
  }

  /// A stream whose response nobody awaits any more is reset, and so is one whose request is not
  /// going to be sent to its end.
  override func letGo(_ stream: UnsafeMutablePointer<HTTP2Stream>, _ code: nghttp2_error_code) {
    if !stream.pointee.hasEnded || !stream.pointee.ends { reset(stream, NGHTTP2_CANCEL) }
  }

  /// A server can't make this side do more than it asked for.
  override func noteProvokedReset() {}
  override func noteReset() {}
}
