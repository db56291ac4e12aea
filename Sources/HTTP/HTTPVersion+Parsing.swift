/// Reading `HTTP-version` (RFC 9112 section 2.3).
extension HTTPVersion {
  /// The version in `bytes` from `start` to `end`. `kind` is thrown when it is no version,
  /// `unsupportedVersion` when its major number is not 1; any later 1.x is read as 1.1.
  @inline(__always)
  init(
    _ bytes: Span<UInt8>, from start: Int, to end: Int, otherwise kind: HTTP1Error.Kind
  ) throws(HTTP1Error) {
    guard end &- start == 8 else { throw HTTP1Error(kind, at: start) }
    let word = WordScan.word(bytes, at: start)
    // "HTTP/1.", the first byte lowest.
    if word & 0x00FF_FFFF_FFFF_FFFF == 0x002E_312F_5054_5448 {
      let minor = UInt8(truncatingIfNeeded: word &>> 56)
      guard ASCII.isDigit(minor) else { throw HTTP1Error(kind, at: start &+ 7) }
      self = minor == ASCII.zero ? .http10 : .http11
      return
    }
    let isOther =
      word & 0x0000_00FF_FFFF_FFFF == 0x0000_002F_5054_5448
      && ASCII.isDigit(bytes[start &+ 5]) && bytes[start &+ 6] == ASCII.dot
      && ASCII.isDigit(bytes[start &+ 7])
    throw HTTP1Error(isOther ? .unsupportedVersion : kind, at: start)
  }
}
