// Where a connection's streams are found, and when they are forgotten.

import CNghttp2

extension HTTP2Server {
  /// The stream of that number, as long as somebody has not let go of it.
  func find(_ number: UInt32) -> UnsafeMutablePointer<HTTP2Stream>? {
    if let found = nghttp2_session_get_stream_user_data(session, Int32(number)) {
      return found.assumingMemoryBound(to: HTTP2Stream.self)
    }
    return closedStreams.first { $0.pointee.number == number }
  }

  /// Begins a stream whose head is coming.
  func beginStream(_ number: Int32) {
    let stream = UnsafeMutablePointer<HTTP2Stream>.allocate(capacity: 1)
    stream.initialize(to: HTTP2Stream(UInt32(number)))
    stream.pointee.head.start = heads.count
    stream.pointee.next = firstStream
    firstStream?.pointee.previous = stream
    firstStream = stream
    check(nghttp2_session_set_stream_user_data(session, number, stream))
    headStream = stream
    noteRequest()
  }

  /// Keeps a field of the head that is coming, within the bounds.
  func addField(_ name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    guard let stream = headStream else { return }
    stream.pointee.head.listSize += name.count + value.count + 32
    stream.pointee.head.fieldCount += 1
    if stream.pointee.head.listSize > settings.headBytes { stream.pointee.head.isTooLarge = true }
    if stream.pointee.head.fieldCount > settings.fieldCount {
      stream.pointee.head.hasTooManyFields = true
    }
    guard !stream.pointee.head.isTooLarge, !stream.pointee.head.hasTooManyFields else { return }
    heads.append(name, value)
    stream.pointee.head.count = heads.count - stream.pointee.head.start
  }

  /// The head has come whole.
  func finishHead(_ stream: UnsafeMutablePointer<HTTP2Stream>, ends: Bool) {
    headStream = nil
    stream.pointee.isKnown = true
    stream.pointee.hasEnded = ends
    add(.head(stream.pointee.number, ends: ends))
  }

  /// nghttp2 has let go of a stream.
  func closeStream(_ stream: UnsafeMutablePointer<HTTP2Stream>) {
    precondition(!stream.pointee.isClosed, "closeStream: it is closed")
    if headStream == stream { headStream = nil }
    stream.pointee.isClosed = true
    if stream.pointee.uncredited > 0 {
      _ = nghttp2_session_consume_connection(session, stream.pointee.uncredited)
      stream.pointee.uncredited = 0
    }
    if stream.pointee.isReleased { return free(stream) }
    closedStreams.append(stream)
    if !stream.pointee.isKnown {
      stream.pointee.isKnown = true
      add(.malformed(stream.pointee.number))
    } else if !stream.pointee.endIsSent || !stream.pointee.hasEnded {
      add(.reset(stream.pointee.number))
    }
  }

  /// Forgets a stream. One that has not ended on both sides is reset, behind what waits to be sent.
  public func release(_ number: UInt32) { release(number, NGHTTP2_INTERNAL_ERROR) }

  /// Forgets a stream of whose request nothing has been processed: it may be sent again.
  public func refuse(_ number: UInt32) { release(number, NGHTTP2_REFUSED_STREAM) }

  private func release(_ number: UInt32, _ code: nghttp2_error_code) {
    guard let stream = find(number) else { preconditionFailure("release: no such stream") }
    precondition(!stream.pointee.isReleased, "release: it was released")
    stream.pointee.isReleased = true
    if stream.pointee.isClosed {
      closedStreams.removeAll { $0 == stream }
      return free(stream)
    }
    if stream.pointee.uncredited > 0 {
      check(nghttp2_session_consume(session, Int32(number), stream.pointee.uncredited))
      stream.pointee.uncredited = 0
    }
    if stream.pointee.endIsSent {
      if !stream.pointee.hasEnded { reset(stream, NGHTTP2_NO_ERROR) }
    } else if !stream.pointee.ends {
      reset(stream, code)
    }
  }

  func reset(_ stream: UnsafeMutablePointer<HTTP2Stream>, _ code: nghttp2_error_code) {
    let flags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
    check(
      nghttp2_submit_rst_stream(
        session, flags, Int32(stream.pointee.number), UInt32(code.rawValue)))
  }

  func free(_ stream: UnsafeMutablePointer<HTTP2Stream>) {
    let (previous, next) = (stream.pointee.previous, stream.pointee.next)
    if let previous { previous.pointee.next = next } else { firstStream = next }
    next?.pointee.previous = previous
    if let trailers = stream.pointee.trailers {
      trailers.deinitialize(count: 1)
      trailers.deallocate()
    }
    stream.deinitialize(count: 1)
    stream.deallocate()
  }
}
