import Basics

/// Reading the trailer section behind the last chunk (RFC 9112 section 7.1.2).
extension FieldSection {
  /// The most lines of a trailer section.
  private static var maximumTrailerCount: Int { 128 }

  /// Reads a whole trailer section from the first of `bytes` on, in place of the lines held.
  ///
  /// Returns how many bytes it takes, the final CR LF included, or nil while its end has not come;
  /// then call it again with all bytes from the first on. Just CR LF is a section without lines.
  /// Throws `invalidTrailer` for what would be refused in a head, and beyond `maximumBytes`.
  ///
  /// Lines are read once their end has come; until then each call only looks for it, which takes
  /// less time than receiving a byte does. So a section that comes byte by byte costs little more
  /// than one that comes at once.
  public mutating func parseTrailers(
    _ bytes: Span<UInt8>, maximumBytes: Int
  ) throws(HTTP1Error) -> Int? {
    removeAll()
    guard bytes.count >= maximumBytes || Self.holdsEnd(bytes) else { return nil }
    var progress = HeadProgress()
    let limits = HeadLimits(
      maximumLineBytes: maximumBytes, maximumHeadBytes: maximumBytes,
      maximumFieldCount: FieldSection.maximumTrailerCount)
    do throws(HTTP1Error) {
      while true {
        let window = progress.window(bytes, limits)
        switch try progress.readFieldLine(
          bytes, window, maximumCount: limits.maximumFieldCount, into: &self)
        {
        case .incomplete:
          try progress.awaitMore(bytes, window, limits, tooLong: .invalidTrailer)
          return nil
        case .line: continue
        case .end: return progress.lineStart
        }
      }
    } catch {
      throw HTTP1Error(.invalidTrailer, at: Int(error.offset))
    }
  }

  /// True when an empty line is among `bytes`, or what some would take for one.
  private static func holdsEnd(_ bytes: Span<UInt8>) -> Bool {
    var lineStart = 0
    while lineStart < bytes.count {
      let first = bytes[lineStart]
      if first == ASCII.lineFeed { return true }
      if first == ASCII.carriageReturn && lineStart &+ 1 < bytes.count { return true }
      lineStart = bytes.index(of: ASCII.lineFeed, from: lineStart) &+ 1
    }
    return false
  }
}
