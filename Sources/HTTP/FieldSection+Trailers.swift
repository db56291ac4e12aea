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
  public mutating func parseTrailers(
    _ bytes: Span<UInt8>, maximumBytes: Int
  ) throws(HTTP1Error) -> Int? {
    removeAll()
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
}
