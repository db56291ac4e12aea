// What nghttp2 calls while it reads and writes.

import CNghttp2

enum HTTP2Callbacks {
  /// A session of the server's side that calls back with `context`, an `HTTP2Server`.
  static func makeSession(
    _ settings: HTTP2Settings, _ context: UnsafeMutableRawPointer
  ) -> OpaquePointer? {
    var callbacks: OpaquePointer?
    var options: OpaquePointer?
    var session: OpaquePointer?
    precondition(nghttp2_session_callbacks_new(&callbacks) == 0, "nghttp2: no memory")
    precondition(nghttp2_option_new(&options) == 0, "nghttp2: no memory")
    defer {
      nghttp2_session_callbacks_del(callbacks)
      nghttp2_option_del(options)
    }
    install(in: callbacks)
    nghttp2_option_set_no_auto_window_update(options, 1)
    nghttp2_option_set_no_closed_streams(options, 1)
    let result = nghttp2_session_server_new2(&session, callbacks, context, options)
    precondition(result == 0, "nghttp2: no memory")
    return session
  }

  private static func install(in callbacks: OpaquePointer?) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, header, context in
      HTTP2Callbacks.noteFrame(HTTP2Callbacks.server(context), header)
      return 0
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, context in
      guard let frame, HTTP2Callbacks.isRequest(frame) else { return 0 }
      HTTP2Callbacks.server(context).beginStream(frame.pointee.hd.stream_id)
      return 0
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameCount, value, valueCount, _, context in
      guard let frame, HTTP2Callbacks.isRequest(frame) else { return 0 }
      HTTP2Callbacks.server(context).addField(
        UnsafeRawBufferPointer(start: name, count: nameCount),
        value: UnsafeRawBufferPointer(start: value, count: valueCount))
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, context in
      if let frame { HTTP2Callbacks.received(HTTP2Callbacks.server(context), frame) }
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
      _, _, number, bytes, count, context in
      HTTP2Callbacks.receivedContent(
        HTTP2Callbacks.server(context), number, UnsafeRawBufferPointer(start: bytes, count: count))
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, context in
      if let frame { HTTP2Callbacks.sent(HTTP2Callbacks.server(context), frame) }
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, _, context in
      if let frame { HTTP2Callbacks.unsent(HTTP2Callbacks.server(context), frame) }
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, number, _, context in
      let server = HTTP2Callbacks.server(context)
      if let stream = server.find(UInt32(number)), !stream.pointee.isClosed {
        _ = nghttp2_session_set_stream_user_data(server.session, number, nil)
        server.closeStream(stream)
      }
      return 0
    }
  }

  private static func server(_ context: UnsafeMutableRawPointer?) -> HTTP2Server {
    guard let context else { preconditionFailure("nghttp2 calls back without its context") }
    return Unmanaged<HTTP2Server>.fromOpaque(context).takeUnretainedValue()
  }

  private static func isRequest(_ frame: UnsafePointer<nghttp2_frame>) -> Bool {
    frame.pointee.hd.type == UInt8(NGHTTP2_HEADERS.rawValue)
      && frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
  }

  // MARK: What comes

  private static func noteFrame(
    _ server: HTTP2Server, _ header: UnsafePointer<nghttp2_frame_hd>?
  ) {
    guard let header else { return }
    switch UInt32(header.pointee.type) {
    case NGHTTP2_HEADERS.rawValue: return
    case NGHTTP2_DATA.rawValue where header.pointee.length > 0: return
    default: server.noteControlFrame()
    }
  }

  private static func received(_ server: HTTP2Server, _ frame: UnsafePointer<nghttp2_frame>) {
    let header = frame.pointee.hd
    let ends = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch UInt32(header.type) {
    case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
      guard let stream = server.find(UInt32(header.stream_id)) else { return }
      if isRequest(frame) { return server.finishHead(stream, ends: ends) }
      guard ends else { return }
      stream.pointee.hasEnded = true
      guard !stream.pointee.isReleased, !stream.pointee.isOverrun else { return }
      server.addEnd(of: stream.pointee.number)
    case NGHTTP2_RST_STREAM.rawValue:
      if server.find(UInt32(header.stream_id)) != nil { server.noteReset() }
    default: return
    }
  }

  private static func receivedContent(
    _ server: HTTP2Server, _ number: Int32, _ bytes: UnsafeRawBufferPointer
  ) {
    guard let stream = server.find(UInt32(number)), !stream.pointee.isReleased else {
      _ = nghttp2_session_consume(server.session, number, bytes.count)
      return
    }
    let isWithinWindow =
      stream.pointee.uncredited + bytes.count <= Int(server.settings.streamWindow)
    guard isWithinWindow && !stream.pointee.isOverrun else {
      // nghttp2 resets the stream, but hands out what its client had no credit for.
      _ = nghttp2_session_consume(server.session, number, bytes.count)
      if !stream.pointee.isOverrun { server.add(.reset(stream.pointee.number)) }
      stream.pointee.isOverrun = true
      return
    }
    stream.pointee.uncredited += bytes.count
    server.add(.content(stream.pointee.number, bytes, ends: false))
  }

  // MARK: What leaves

  private static func sent(_ server: HTTP2Server, _ frame: UnsafePointer<nghttp2_frame>) {
    let header = frame.pointee.hd
    switch UInt32(header.type) {
    case NGHTTP2_RST_STREAM.rawValue:
      let code = frame.pointee.rst_stream.error_code
      let isProvoked =
        code == NGHTTP2_PROTOCOL_ERROR.rawValue || code == NGHTTP2_STREAM_CLOSED.rawValue
        || code == NGHTTP2_FLOW_CONTROL_ERROR.rawValue
      if isProvoked { server.noteProvokedReset() }
    case NGHTTP2_GOAWAY.rawValue: server.noteGoAway(frame.pointee.goaway.error_code)
    case NGHTTP2_DATA.rawValue, NGHTTP2_HEADERS.rawValue:
      if UInt32(header.type) == NGHTTP2_DATA.rawValue { server.noteSentContent(header.length) }
      guard header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0,
        let stream = server.find(UInt32(header.stream_id))
      else { return }
      stream.pointee.endIsSent = true
      let isLeft = stream.pointee.isReleased && !stream.pointee.hasEnded
      if isLeft && !stream.pointee.isClosed { server.reset(stream, NGHTTP2_NO_ERROR) }
    default: return
    }
  }

  /// A head that can't be sent, because it is larger than nghttp2 allows (64 KiB), ends its stream.
  private static func unsent(_ server: HTTP2Server, _ frame: UnsafePointer<nghttp2_frame>) {
    let header = frame.pointee.hd
    guard UInt32(header.type) == NGHTTP2_HEADERS.rawValue,
      let stream = server.find(UInt32(header.stream_id)), !stream.pointee.isClosed
    else { return }
    server.reset(stream, NGHTTP2_INTERNAL_ERROR)
  }

  /// Where nghttp2 gets the content of a response from.
  static func provider(of stream: UnsafeMutablePointer<HTTP2Stream>) -> nghttp2_data_provider {
    nghttp2_data_provider(source: nghttp2_data_source(ptr: stream)) {
      session, number, memory, most, flags, source, _ in
      guard let stream = source?.pointee.ptr?.assumingMemoryBound(to: HTTP2Stream.self),
        let memory, let flags
      else { preconditionFailure("nghttp2 asks for content of no stream") }
      return HTTP2Callbacks.provide(session, number, stream, memory, most, flags)
    }
  }

  private static func provide(
    _ session: OpaquePointer?, _ number: Int32, _ stream: UnsafeMutablePointer<HTTP2Stream>,
    _ memory: UnsafeMutablePointer<UInt8>, _ most: Int, _ flags: UnsafeMutablePointer<UInt32>
  ) -> Int {
    let source = stream.pointee.source
    let count = min(most, source.count)
    if count > 0, let base = source.baseAddress {
      UnsafeMutableRawPointer(memory).copyMemory(from: base, byteCount: count)
      stream.pointee.source = UnsafeRawBufferPointer(rebasing: source[count...])
    }
    let isLast = stream.pointee.ends && stream.pointee.source.isEmpty
    if isLast {
      flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
      if let trailers = stream.pointee.trailers {
        flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
        let result = trailers.pointee.withFields { nghttp2_submit_trailer(session, number, $0, $1) }
        precondition(result == 0, "nghttp2: no memory")
      }
    } else if count == 0 {
      stream.pointee.isDeferred = true
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    return count
  }
}
