// What nghttp2 calls while it reads and writes.

import CNghttp2

enum HTTP2Callbacks {
  /// A session that calls back with `context`, an `HTTP2Connection`.
  static func makeSession(
    _ settings: HTTP2Settings, isServer: Bool, _ context: UnsafeMutableRawPointer
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
    let result =
      isServer
      ? nghttp2_session_server_new2(&session, callbacks, context, options)
      : nghttp2_session_client_new2(&session, callbacks, context, options)
    precondition(result == 0, "nghttp2: no memory")
    return session
  }

  private static func install(in callbacks: OpaquePointer?) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, header, context in
      HTTP2Callbacks.noteFrame(HTTP2Callbacks.connection(context), header)
      return 0
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, context in
      guard let frame else { return 0 }
      let number = frame.pointee.hd.stream_id
      HTTP2Callbacks.connection(context).beginSection(frame.pointee.headers, number)
      return 0
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, _, name, nameCount, value, valueCount, _, context in
      HTTP2Callbacks.connection(context).addField(
        UnsafeRawBufferPointer(start: name, count: nameCount),
        value: UnsafeRawBufferPointer(start: value, count: valueCount))
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, context in
      if let frame { HTTP2Callbacks.received(HTTP2Callbacks.connection(context), frame) }
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
      _, _, number, bytes, count, context in
      HTTP2Callbacks.receivedContent(
        HTTP2Callbacks.connection(context), number,
        UnsafeRawBufferPointer(start: bytes, count: count))
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, context in
      if let frame { HTTP2Callbacks.sent(HTTP2Callbacks.connection(context), frame) }
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) {
      _, frame, reason, context in
      if let frame { HTTP2Callbacks.unsent(HTTP2Callbacks.connection(context), frame, reason) }
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, number, code, context in
      let connection = HTTP2Callbacks.connection(context)
      if let stream = connection.find(UInt32(number)), !stream.pointee.isClosed {
        _ = nghttp2_session_set_stream_user_data(connection.session, number, nil)
        connection.closeStream(stream, code)
      }
      return 0
    }
  }

  private static func connection(_ context: UnsafeMutableRawPointer?) -> HTTP2Connection {
    guard let context else { preconditionFailure("nghttp2 calls back without its context") }
    return Unmanaged<HTTP2Connection>.fromOpaque(context).takeUnretainedValue()
  }

  // MARK: What comes

  private static func noteFrame(
    _ connection: HTTP2Connection, _ header: UnsafePointer<nghttp2_frame_hd>?
  ) {
    guard let header else { return }
    switch UInt32(header.pointee.type) {
    case NGHTTP2_HEADERS.rawValue where connection.expectsSection(UInt32(header.pointee.stream_id)):
      return
    case NGHTTP2_DATA.rawValue where header.pointee.length > 0: return
    default: connection.noteControlFrame()
    }
  }

  private static func received(_ connection: HTTP2Connection, _ frame: UnsafePointer<nghttp2_frame>)
  {
    let header = frame.pointee.hd
    let ends = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch UInt32(header.type) {
    case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
      guard let stream = connection.find(UInt32(header.stream_id)) else { return }
      if ends { stream.pointee.hasEnded = true }
      if UInt32(header.type) == NGHTTP2_HEADERS.rawValue {
        return connection.finishSection(stream, ends: ends)
      }
      guard ends else { return }
      guard !stream.pointee.isReleased, !stream.pointee.isOverrun else { return }
      connection.addEnd(of: stream.pointee.number)
    case NGHTTP2_RST_STREAM.rawValue:
      guard let stream = connection.find(UInt32(header.stream_id)) else { return }
      stream.pointee.peerReset = frame.pointee.rst_stream.error_code
      connection.noteReset()
    case NGHTTP2_SETTINGS.rawValue, NGHTTP2_GOAWAY.rawValue: connection.noteChange(header)
    default: return
    }
  }

  private static func receivedContent(
    _ connection: HTTP2Connection, _ number: Int32, _ bytes: UnsafeRawBufferPointer
  ) {
    guard let stream = connection.find(UInt32(number)), !stream.pointee.isReleased else {
      _ = nghttp2_session_consume(connection.session, number, bytes.count)
      return
    }
    let isWithinWindow =
      stream.pointee.uncredited + bytes.count <= Int(connection.settings.streamWindow)
    guard isWithinWindow && !stream.pointee.isOverrun else {
      // nghttp2 resets the stream, but hands out what its peer had no credit for.
      _ = nghttp2_session_consume(connection.session, number, bytes.count)
      if !stream.pointee.isOverrun { connection.add(.reset(stream.pointee.number, .malformed)) }
      stream.pointee.isOverrun = true
      return
    }
    stream.pointee.uncredited += bytes.count
    connection.add(.content(stream.pointee.number, bytes, ends: false))
  }

  // MARK: What leaves

  private static func sent(_ connection: HTTP2Connection, _ frame: UnsafePointer<nghttp2_frame>) {
    let header = frame.pointee.hd
    switch UInt32(header.type) {
    case NGHTTP2_RST_STREAM.rawValue:
      let code = frame.pointee.rst_stream.error_code
      let isProvoked =
        code == NGHTTP2_PROTOCOL_ERROR.rawValue || code == NGHTTP2_STREAM_CLOSED.rawValue
        || code == NGHTTP2_FLOW_CONTROL_ERROR.rawValue
      if isProvoked { connection.noteProvokedReset() }
    case NGHTTP2_GOAWAY.rawValue: connection.noteGoAway(frame.pointee.goaway.error_code)
    case NGHTTP2_DATA.rawValue, NGHTTP2_HEADERS.rawValue:
      if UInt32(header.type) == NGHTTP2_DATA.rawValue {
        connection.noteSentContent(header.length)
      } else {
        connection.noteOpened(UInt32(header.stream_id))
      }
      guard header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0,
        let stream = connection.find(UInt32(header.stream_id))
      else { return }
      stream.pointee.endIsSent = true
      connection.noteEndSent(stream)
    default: return
    }
  }

  /// A head that can't be sent, because it is larger than nghttp2 allows (64 KiB), ends its stream.
  private static func unsent(
    _ connection: HTTP2Connection, _ frame: UnsafePointer<nghttp2_frame>, _ reason: Int32
  ) {
    let header = frame.pointee.hd
    guard UInt32(header.type) == NGHTTP2_HEADERS.rawValue,
      let stream = connection.find(UInt32(header.stream_id)), !stream.pointee.isClosed
    else { return }
    stream.pointee.unsentReason = reason
    // What can't begin is closed by nghttp2.
    if frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST { return }
    connection.reset(stream, NGHTTP2_INTERNAL_ERROR)
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
