import Basics

/// Reading a response's head (RFC 9112 sections 4 and 5), as strictly as a request's: a backend
/// that is misread poisons the next client's response.
extension ResponseHead {
  /// Reads what has come since the last call; true once the head is complete and valid.
  ///
  /// `bytes` starts at the head's first byte and holds all that has come so far, perhaps more than
  /// the head. Complete lines are not read twice. An error is thrown when the line that it is in
  /// has ended, at the latest, and does not depend on the pieces; behind one, the head must be
  /// reset.
  public mutating func parse(
    _ bytes: Span<UInt8>, limits: HeadLimits
  ) throws(HTTP1Error) -> Bool {
    guard byteCount == 0 else { return true }
    var window = progress.window(bytes, limits)
    var isComplete = false
    if progress.isWorthReading(bytes, window, limits) {
      isComplete = try readLines(bytes, limits, &window)
    }
    if !isComplete {
      try progress.awaitMore(bytes, window, limits, tooLong: .headTooLarge)
    }
    return isComplete
  }

  /// Reads lines until the head is complete, or one whose end has not come: then `window` is its.
  @inline(__always)
  private mutating func readLines(
    _ bytes: Span<UInt8>, _ limits: HeadLimits, _ window: inout LineWindow
  ) throws(HTTP1Error) -> Bool {
    if !progress.hasStartLine {
      guard try readStatusLine(bytes, window) else { return false }
      window = progress.window(bytes, limits)
    }
    while true {
      switch try progress.readFieldLine(
        bytes, window, maximumCount: limits.maximumFieldCount, into: &fields)
      {
      // The window is an earlier line's and may end within this one: looking only then is cheaper.
      case .incomplete: if !progress.advance(&window, bytes, limits) { return false }
      case .line(let line): try noteField(bytes, line)
      case .end:
        try progress.framing.validate(version, at: progress.lineStart)
        contentLength = progress.framing.contentLength
        isChunked = progress.framing.isChunked
        byteCount = progress.lineStart
        return true
      }
    }
  }

  /// Takes note of one field line.
  @inline(__always)
  private mutating func noteField(_ bytes: Span<UInt8>, _ line: FieldLine) throws(HTTP1Error) {
    switch line.known {
    case .connection: connection.add(bytes, line.value)
    case .contentLength: try progress.framing.addContentLength(bytes, line.value)
    case .transferEncoding: try progress.framing.addTransferEncoding(bytes, line.value)
    case .other: if line.nameCount == 16 { noteInternalRedirect(bytes, line) }
    default: break
    }
  }

  /// Takes X-Accel-Redirect, the last line of it.
  @inline(never)
  private mutating func noteInternalRedirect(_ bytes: Span<UInt8>, _ line: FieldLine) {
    let name = bytes.extracting(line.name.offsets)
    if FieldNameMatch.equalIgnoringCase(name, "X-Accel-Redirect") { internalRedirect = line.value }
  }

  /// Reads the status line; false when its end has not come yet.
  private mutating func readStatusLine(
    _ bytes: Span<UInt8>, _ window: LineWindow
  ) throws(HTTP1Error) -> Bool {
    let start = progress.lineStart
    let end = WordScan.firstControl(in: bytes, from: start, to: window.scanEnd)
    guard end < window.scanEnd,
      try window.hasLineEnd(bytes, at: end, otherwise: .malformedStatusLine)
    else { return false }
    try readStatusLine(bytes, from: start, to: end)
    progress.hasStartLine = true
    progress.lineStart = end &+ 2
    return true
  }

  /// Reads `HTTP-version SP status-code [SP [reason-phrase]]`: many backends leave out the reason
  /// phrase, and some the space before it.
  @inline(__always)
  private mutating func readStatusLine(
    _ bytes: Span<UInt8>, from start: Int, to end: Int
  ) throws(HTTP1Error) {
    guard end &- start >= 12, bytes[start &+ 8] == ASCII.space,
      end == start &+ 12 || bytes[start &+ 12] == ASCII.space
    else { throw HTTP1Error(.malformedStatusLine, at: start) }
    version = try HTTPVersion(
      bytes, from: start, to: start &+ 8, otherwise: .malformedStatusLine)
    status = 0
    for offset in (start &+ 9)..<(start &+ 12) {
      guard ASCII.isDigit(bytes[offset]) else {
        throw HTTP1Error(.malformedStatusLine, at: offset)
      }
      status = status &* 10 &+ UInt16(bytes[offset] &- ASCII.zero)
    }
    guard status >= 100 else { throw HTTP1Error(.malformedStatusLine, at: start &+ 9) }
    let reasonStart = min(start &+ 13, end)
    reason = ByteRange(start: reasonStart, count: end &- reasonStart)
  }
}
