import Basics

/// The four forms of a request target (RFC 9112 section 3.2).
extension RequestHead {
  /// Tells the target's form and finds its parts. The method, `target`, `query` and `hasQuery` are
  /// known already.
  @inline(__always)
  mutating func resolveTarget(_ bytes: Span<UInt8>) throws(HTTP1Error) {
    let start = Int(target.start)
    if method == .connect {
      try resolveAuthorityForm(bytes)
    } else if bytes[start] == ASCII.slash {
      targetForm = .origin
      path = ByteRange(start: start, count: endOfPath &- start)
    } else if bytes[start] == ASCII.asterisk && target.count == 1 && method == .options {
      targetForm = .asterisk
    } else {
      try resolveAbsoluteForm(bytes)
    }
  }

  /// Where the path ends: at the question mark or with the target.
  private var endOfPath: Int {
    hasQuery ? Int(query.start) &- 1 : target.offsets.upperBound
  }

  /// `host ":" port`, for CONNECT alone and the only form for it.
  private mutating func resolveAuthorityForm(_ bytes: Span<UInt8>) throws(HTTP1Error) {
    guard !hasQuery, let parts = Authority(bytes, target), parts.hasPort else {
      throw HTTP1Error(.invalidTarget, at: Int(target.start))
    }
    targetForm = .authority
    authority = target
    host = parts.host
  }

  /// `http://authority[/path][?query]`, with any of our two schemes.
  private mutating func resolveAbsoluteForm(_ bytes: Span<UInt8>) throws(HTTP1Error) {
    let whole = bytes.extracting(target.offsets)
    guard let schemeCount = RequestHead.schemeCount(whole) else {
      throw HTTP1Error(.invalidTarget, at: Int(target.start))
    }
    let start = Int(target.start) &+ schemeCount
    let end = endOfPath
    var authorityEnd = start
    while authorityEnd < end && bytes[authorityEnd] != ASCII.slash { authorityEnd &+= 1 }
    let range = ByteRange(start: start, count: authorityEnd &- start)
    guard let parts = Authority(bytes, range) else {
      throw HTTP1Error(.invalidTarget, at: start)
    }
    targetForm = .absolute
    authority = range
    host = parts.host
    path = ByteRange(start: authorityEnd, count: end &- authorityEnd)
  }

  /// Bytes in `http://` or `https://` when the target starts with it (RFC 9110 section 4.2).
  private static func schemeCount(_ target: Span<UInt8>) -> Int? {
    if FieldNameMatch.equalIgnoringCase(target.extracting(first: 7), "http://") { return 7 }
    if FieldNameMatch.equalIgnoringCase(target.extracting(first: 8), "https://") { return 8 }
    return nil
  }
}
