// The server's end of an HTTP/2 connection: requests come, responses leave.

import CNghttp2

/// One connection of a client. Not for several threads at once.
public final class HTTP2Server: HTTP2Connection {
  /// A connection of which nothing has come yet; its preface is part of what comes.
  public init(_ settings: HTTP2Settings) {
    super.init(
      settings, isServer: true,
      [
        nghttp2_settings_entry(
          settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
          value: settings.concurrentStreams),
        // WebSockets may begin on a stream (RFC 8441 section 3).
        nghttp2_settings_entry(
          settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL.rawValue), value: 1),
      ])
  }

  /// A request begins a stream, what follows its content belongs to it.
  override func beginSection(_ frame: nghttp2_headers, _ number: Int32) {
    guard frame.cat == NGHTTP2_HCAT_REQUEST else { return super.beginSection(frame, number) }
    let stream = makeStream(UInt32(number))
    check(nghttp2_session_set_stream_user_data(session, number, stream))
    noteRequest()
    beginSection(of: stream)
  }

  /// Sends the fields as a response's head, as an interim one, or, behind its content, as its
  /// trailer section. With `ends` nothing follows.
  public func sendFields(_ number: UInt32, ends: Bool) {
    guard let stream = find(number), !stream.pointee.isClosed else { return }
    precondition(!stream.pointee.ends, "sendFields: the response has ended")
    guard !stream.pointee.hasSentHead else { return sendTrailers(stream) }
    let isInterim = fields.status.map { $0 < 200 } ?? false
    let session = session
    let id = Int32(number)
    if isInterim {
      let flags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
      let result = fields.withFields {
        nghttp2_submit_headers(session, flags, id, nil, $0, $1, nil)
      }
      return check(min(0, result))
    }
    stream.pointee.hasSentHead = true
    var provider = HTTP2Callbacks.provider(of: stream)
    if ends {
      stream.pointee.ends = true
      check(fields.withFields { nghttp2_submit_response(session, id, $0, $1, nil) })
    } else {
      check(fields.withFields { nghttp2_submit_response(session, id, $0, $1, &provider) })
    }
  }

  override func noteClosed(_ stream: UnsafeMutablePointer<HTTP2Stream>, _ code: UInt32) {
    if !stream.pointee.isKnown {
      stream.pointee.isKnown = true
      add(.malformed(stream.pointee.number))
    } else if !stream.pointee.endIsSent || !stream.pointee.hasEnded {
      add(.reset(stream.pointee.number, .cancelled))
    }
  }

  /// A stream that is let go before its response has ended is reset.
  override func letGo(_ stream: UnsafeMutablePointer<HTTP2Stream>, _ code: nghttp2_error_code) {
    if stream.pointee.endIsSent {
      if !stream.pointee.hasEnded { reset(stream, NGHTTP2_NO_ERROR) }
    } else if !stream.pointee.ends {
      reset(stream, code)
    }
  }

  /// A client need not send the rest of a request whose response is complete.
  override func noteEndSent(_ stream: UnsafeMutablePointer<HTTP2Stream>) {
    let isLeft = stream.pointee.isReleased && !stream.pointee.hasEnded
    if isLeft && !stream.pointee.isClosed { reset(stream, NGHTTP2_NO_ERROR) }
  }

  /// Asks the client to begin no more requests; those on their way are still served.
  public func announceEnd() { check(nghttp2_submit_shutdown_notice(session)) }
}
