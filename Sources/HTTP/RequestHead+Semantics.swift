import Basics

/// What field lines mean for the way a request is handled.
extension RequestHead {
  /// Takes note of one field line.
  @inline(__always)
  mutating func noteField(_ bytes: Span<UInt8>, _ line: FieldLine) throws(HTTP1Error) {
    switch line.known {
    case .host: try noteHost(bytes, line.value)
    case .connection: connection.add(bytes, line.value)
    case .contentLength: try progress.framing.addContentLength(bytes, line.value)
    case .transferEncoding: try progress.framing.addTransferEncoding(bytes, line.value)
    case .expect: noteExpectation(bytes, line.value)
    case .upgrade: progress.hasUpgrade = true
    case .authorization: try RequestHead.noteOnce(&progress.hasAuthorization, line)
    case .proxyAuthorization: try RequestHead.noteOnce(&progress.hasProxyAuthorization, line)
    default: break
    }
  }

  /// Refuses a second line of a field that says who is asking: two parties could believe different
  /// ones.
  private static func noteOnce(_ hasCome: inout Bool, _ line: FieldLine) throws(HTTP1Error) {
    guard !hasCome else { throw HTTP1Error(.repeatedAuthorization, at: Int(line.nameStart)) }
    hasCome = true
  }

  /// Judges the head as a whole, once its last line has been read.
  @inline(__always)
  mutating func validate() throws(HTTP1Error) {
    guard progress.hasHost || version == .http10 else {
      throw HTTP1Error(.invalidHost, at: progress.lineStart)
    }
    try progress.framing.validate(version, at: progress.lineStart)
    if progress.framing.isChunked {
      framing = .chunked
    } else if let length = progress.framing.contentLength {
      framing = .length(length)
    }
    guard version == .http11 else { return }
    requestsUpgrade = progress.hasUpgrade && connection.contains(.upgrade)
    if progress.unsupportedExpectation >= 0 {
      throw HTTP1Error(.unsupportedExpectation, at: progress.unsupportedExpectation)
    }
  }

  /// Takes the one Host line there may be. It must be valid even where the target's authority
  /// prevails (RFC 9112 section 3.2.2).
  @inline(never)
  private mutating func noteHost(_ bytes: Span<UInt8>, _ value: ByteRange) throws(HTTP1Error) {
    guard !progress.hasHost, let parts = Authority(bytes, value) else {
      throw HTTP1Error(.invalidHost, at: Int(value.start))
    }
    progress.hasHost = true
    guard authority.isEmpty else { return }
    authority = value
    host = parts.host
  }

  /// Takes an Expect line; HTTP/1.0 has none (RFC 9110 section 10.1.1). An expectation that can't
  /// be met is refused last: a fault in the framing matters more.
  private mutating func noteExpectation(_ bytes: Span<UInt8>, _ value: ByteRange) {
    guard version == .http11 else { return }
    if FieldNameMatch.equalIgnoringCase(bytes.extracting(value.offsets), "100-continue") {
      expectsContinue = true
    } else if progress.unsupportedExpectation < 0 {
      progress.unsupportedExpectation = Int(value.start)
    }
  }
}
