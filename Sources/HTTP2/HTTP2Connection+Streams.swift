// Where a connection's streams are found, and when they are forgotten.

import CNghttp2

extension HTTP2Connection {
  /// The stream of that number, as long as somebody has not let go of it.
  func find(_ number: UInt32) -> UnsafeMutablePointer<HTTP2Stream>? {
    if let found = nghttp2_session_get_stream_user_data(session, Int32(number)) {
      return found.assumingMemoryBound(to: HTTP2Stream.self)
    }
    return closedStreams.first { $0.pointee.number == number }
      ?? unopenedStreams.first { $0.pointee.number == number }
  }

  /// Makes a stream of that number.
  func makeStream(_ number: UInt32) -> UnsafeMutablePointer<HTTP2Stream> {
    let stream = UnsafeMutablePointer<HTTP2Stream>.allocate(capacity: 1)
    stream.initialize(to: HTTP2Stream(number))
    stream.pointee.next = firstStream
    firstStream?.pointee.previous = stream
    firstStream = stream
    return stream
  }

  /// The head of a stream has been composed: nghttp2 finds it from here on.
  func noteOpened(_ number: UInt32) {
    guard !unopenedStreams.isEmpty else { return }
    unopenedStreams.removeAll { $0.pointee.number == number }
  }

  /// Begins a section of fields of a stream.
  func beginSection(of stream: UnsafeMutablePointer<HTTP2Stream>) {
    sectionStream = stream
    section = HeadPlace()
    section.start = heads.count
  }

  /// Keeps a field of the section that is coming, within the bounds.
  func addField(_ name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    guard sectionStream != nil else { return }
    section.listSize += name.count + value.count + 32
    section.fieldCount += 1
    if section.listSize > settings.headBytes { section.isTooLarge = true }
    if section.fieldCount > settings.fieldCount { section.hasTooManyFields = true }
    guard !section.isTooLarge, !section.hasTooManyFields else { return }
    if section.fieldCount == 1, value.count == 3, name.count == 7 {
      section.status = HTTP2FieldList.status(name, value)
    }
    heads.append(name, value)
    section.count = heads.count - section.start
  }

  /// A section of fields has come whole: a head, an interim one, or trailers.
  func finishSection(_ stream: UnsafeMutablePointer<HTTP2Stream>, ends: Bool) {
    guard sectionStream == stream else { return }
    sectionStream = nil
    stream.pointee.isKnown = true
    if stream.pointee.headHasCome {
      if !stream.pointee.isReleased { add(.trailers(stream.pointee.number), section) }
      return
    }
    stream.pointee.headHasCome = section.status.map { $0 >= 200 } ?? true
    if !stream.pointee.isReleased { add(.head(stream.pointee.number, ends: ends), section) }
  }

  /// nghttp2 has let go of a stream.
  func closeStream(_ stream: UnsafeMutablePointer<HTTP2Stream>, _ code: UInt32) {
    precondition(!stream.pointee.isClosed, "closeStream: it is closed")
    if sectionStream == stream { sectionStream = nil }
    stream.pointee.isClosed = true
    unopenedStreams.removeAll { $0 == stream }
    if stream.pointee.uncredited > 0 {
      _ = nghttp2_session_consume_connection(session, stream.pointee.uncredited)
      stream.pointee.uncredited = 0
    }
    if stream.pointee.isReleased { return free(stream) }
    closedStreams.append(stream)
    noteClosed(stream, code)
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
    letGo(stream, code)
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
