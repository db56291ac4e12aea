import Basics

/// Reading a request's head (RFC 9112 sections 3 and 5).
extension RequestHead {
  /// The most empty lines that are ignored before a request line (RFC 9112 section 2.2).
  static var maximumLeadingEmptyLines: UInt8 { 4 }

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
      let tooLong: HTTP1Error.Kind = progress.hasStartLine ? .headTooLarge : .targetTooLong
      try progress.awaitMore(bytes, window, limits, tooLong: tooLong)
    }
    return isComplete
  }

  /// Reads lines until the head is complete, or one whose end has not come: then `window` is its.
  @inline(__always)
  private mutating func readLines(
    _ bytes: Span<UInt8>, _ limits: HeadLimits, _ window: inout LineWindow
  ) throws(HTTP1Error) -> Bool {
    while !progress.hasStartLine {
      guard try readRequestLine(bytes, window) else { return false }
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
        try validate()
        byteCount = progress.lineStart
        return true
      }
    }
  }

  /// Reads `method SP request-target SP HTTP-version CRLF`, or an empty line before it; false when
  /// the line's end has not come yet.
  private mutating func readRequestLine(
    _ bytes: Span<UInt8>, _ window: LineWindow
  ) throws(HTTP1Error) -> Bool {
    guard progress.lineStart < window.scanEnd else { return false }
    let first = bytes[progress.lineStart]
    if first == ASCII.carriageReturn || first == ASCII.lineFeed {
      return try skipEmptyLine(bytes, window)
    }
    guard let methodEnd = try readMethod(bytes, window),
      let targetEnd = try readTarget(bytes, from: methodEnd &+ 1, window)
    else { return false }
    let start = targetEnd &+ 1
    let end = WordScan.firstControl(in: bytes, from: start, to: window.scanEnd)
    guard end < window.scanEnd,
      try window.hasLineEnd(bytes, at: end, otherwise: .malformedRequestLine)
    else { return false }
    version = try HTTPVersion(bytes, from: start, to: end, otherwise: .malformedRequestLine)
    try resolveTarget(bytes)
    progress.hasStartLine = true
    progress.lineStart = end &+ 2
    return true
  }

  /// Skips an empty line before the request line; false when its LF has not come yet.
  private mutating func skipEmptyLine(
    _ bytes: Span<UInt8>, _ window: LineWindow
  ) throws(HTTP1Error) -> Bool {
    let start = progress.lineStart
    guard progress.leadingEmptyLines < RequestHead.maximumLeadingEmptyLines else {
      throw HTTP1Error(.malformedRequestLine, at: start)
    }
    guard try window.hasLineEnd(bytes, at: start, otherwise: .bareLineEnd) else { return false }
    progress.leadingEmptyLines &+= 1
    progress.lineStart = start &+ 2
    return true
  }

  /// Reads the method and returns the offset of the space behind it. A byte that no method has is
  /// refused at once: a TLS client that speaks to a plain port need not wait for a timeout.
  @inline(__always)
  private mutating func readMethod(
    _ bytes: Span<UInt8>, _ window: LineWindow
  ) throws(HTTP1Error) -> Int? {
    let start = progress.lineStart
    var offset = start
    var packed: UInt64 = 0
    while offset < window.scanEnd && ByteSet.token.contains(bytes[offset]) {
      packed = packed &<< 8 | UInt64(bytes[offset])
      offset &+= 1
      guard offset &- start <= Method.maximumLength else {
        throw HTTP1Error(.invalidMethod, at: offset)
      }
    }
    guard offset < window.scanEnd else { return nil }
    let stop = bytes[offset]
    guard stop == ASCII.space, offset > start else {
      let endsLine = stop == ASCII.carriageReturn || stop == ASCII.lineFeed
      let isSpaced = endsLine || ASCII.isBlank(stop)
      throw HTTP1Error(isSpaced ? .malformedRequestLine : .invalidMethod, at: offset)
    }
    method = Method(packed: packed, count: offset &- start)
    methodRange = ByteRange(start: start, count: offset &- start)
    return offset
  }

  /// Finds the target's end and its question mark; returns the offset of the space behind it.
  @inline(__always)
  private mutating func readTarget(
    _ bytes: Span<UInt8>, from start: Int, _ window: LineWindow
  ) throws(HTTP1Error) -> Int? {
    let scanEnd = window.scanEnd
    var end = WordScan.firstDelimiter(
      in: bytes, from: start, to: scanEnd, ASCII.questionMark, ASCII.numberSign)
    hasQuery = end < scanEnd && bytes[end] == ASCII.questionMark
    query = .empty
    if hasQuery {
      let queryStart = end &+ 1
      end = WordScan.firstDelimiter(
        in: bytes, from: queryStart, to: scanEnd, ASCII.numberSign, ASCII.numberSign)
      query = ByteRange(start: queryStart, count: end &- queryStart)
    }
    guard end < scanEnd else { return nil }
    let stop = bytes[end]
    guard stop == ASCII.space, end > start else {
      let endsLine = stop == ASCII.carriageReturn || stop == ASCII.lineFeed
      let isSpaced = endsLine || ASCII.isBlank(stop)
      throw HTTP1Error(isSpaced ? .malformedRequestLine : .invalidTarget, at: end)
    }
    target = ByteRange(start: start, count: end &- start)
    return end
  }
}
