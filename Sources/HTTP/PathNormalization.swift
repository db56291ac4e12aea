import Basics

/// Bringing a request's path into the one form that locations are matched against, as nginx does:
/// percent-decoded, with single slashes and without dot segments (RFC 3986 section 6.2.2).
public enum PathNormalization {
  /// True when the path needs no normalisation: it starts with a slash and has no `%`, no `//`, and
  /// no segment that starts with a dot. A false answer may be too careful, a true one never is.
  public static func isNormal(_ path: Span<UInt8>) -> Bool {
    guard !path.isEmpty, path[0] == ASCII.slash else { return false }
    let last = path.count &- 9
    guard last >= 0 else { return isNormalByteByByte(path) }
    var index = 0
    while index < last && mayBeNormal(path, at: index) { index &+= 8 }
    guard index < last || !mayBeNormal(path, at: last) else {
      return path[path.count &- 1] != ASCII.percent
    }
    return isNormalByteByByte(path)
  }

  /// False when a flaw starts within the eight bytes at `index`, or perhaps when one of them is not
  /// ASCII. Nine bytes must be there.
  @inline(__always) private static func mayBeNormal(_ path: Span<UInt8>, at index: Int) -> Bool {
    let word = WordScan.word(path, at: index)
    let next = WordScan.word(path, at: index &+ 1)
    let slashes = WordScan.equal(ASCII.slash, word)
    let pairs =
      slashes & (WordScan.maybeEqual(ASCII.slash, next) | WordScan.maybeEqual(ASCII.dot, next))
    let flaws = pairs | WordScan.maybeEqual(ASCII.percent, word)
    return flaws & WordScan.spread(0x80) == 0
  }

  /// The same, byte by byte.
  private static func isNormalByteByByte(_ path: Span<UInt8>) -> Bool {
    for index in path.indices {
      if path[index] == ASCII.percent { return false }
      guard path[index] == ASCII.slash, index &+ 1 < path.count else { continue }
      let next = path[index &+ 1]
      if next == ASCII.slash || next == ASCII.dot { return false }
    }
    return true
  }

  /// Appends the normal form of `path` to `writer`, which needs room for as many bytes as it has.
  ///
  /// False when the path does not start with a slash, climbs above the root, holds a bad percent
  /// triple or `%00`, or does not fit; what was appended is then of no use. Decoded slashes and
  /// dots act as if they had come plain, so that `/a/%2e%2e/b` can't slip past a location. Slashes
  /// that follow each other become one, unless `mergesSlashes` is false.
  public static func normalize(
    _ path: Span<UInt8>, mergesSlashes: Bool = true, into writer: inout ByteWriter
  ) -> Bool {
    guard !path.isEmpty, path[0] == ASCII.slash, path.count <= writer.remaining else {
      return false
    }
    let root = writer.count
    writer.append(ASCII.slash)
    var segment = writer.count
    var index = 1
    while index < path.count {
      var byte = path[index]
      index &+= 1
      if byte == ASCII.percent {
        guard let decoded = decode(path, at: index) else { return false }
        byte = decoded
        index &+= 2
      }
      guard byte == ASCII.slash else {
        writer.append(byte)
        continue
      }
      let isEmpty = writer.count == segment
      guard endSegment(segment, root, &writer) else { return false }
      // What `.` and `..` leave ends with a slash already.
      let endsWithSlash = writer.span[writer.count &- 1] == ASCII.slash
      if isEmpty ? !mergesSlashes : !endsWithSlash { writer.append(ASCII.slash) }
      segment = writer.count
    }
    return endSegment(segment, root, &writer)
  }

  /// Resolves the segment that started at `start` if it is `.` or `..`; false when it leads above
  /// the slash at `root`.
  private static func endSegment(_ start: Int, _ root: Int, _ writer: inout ByteWriter) -> Bool {
    let length = writer.count &- start
    guard length == 1 || length == 2, writer.span[start] == ASCII.dot,
      writer.span[writer.count &- 1] == ASCII.dot
    else { return true }
    guard length == 2 else {
      writer.truncate(to: start)
      return true
    }
    var parent = start &- 1
    guard parent > root else { return false }
    while writer.span[parent &- 1] != ASCII.slash { parent &-= 1 }
    writer.truncate(to: parent)
    return true
  }

  /// The byte that two hexadecimal digits at `index` stand for; nil when there are none, and for 0.
  private static func decode(_ path: Span<UInt8>, at index: Int) -> UInt8? {
    guard index &+ 2 <= path.count, let high = ASCII.hexadecimalValue(path[index]),
      let low = ASCII.hexadecimalValue(path[index &+ 1])
    else { return nil }
    let byte = high &<< 4 | low
    return byte == 0 ? nil : byte
  }

  /// Appends a path percent-decoded; false when it holds a zero byte or a segment `..`, decoded or
  /// not, or a `%` without two digits behind it.
  public static func decodeSafely(_ path: Span<UInt8>, into writer: inout ByteWriter) -> Bool {
    var index = 0
    let start = writer.count
    while index < path.count {
      var byte = path[index]
      index += 1
      if byte == ASCII.percent {
        guard let decoded = decode(path, at: index) else { return false }
        byte = decoded
        index += 2
      }
      guard byte != 0 else { return false }
      writer.append(byte)
    }
    guard !writer.overflowed else { return false }
    let decoded = writer.span
    var segment = start
    for position in start...writer.count {
      guard position == writer.count || decoded[position] == ASCII.slash else { continue }
      if position - segment == 2, decoded[segment] == ASCII.dot, decoded[segment + 1] == ASCII.dot {
        return false
      }
      segment = position + 1
    }
    return true
  }

  /// Appends a normalised path as it may stand in a request line, as nginx escapes what it passes
  /// to a `proxy_pass` with a URI part. Needs room for three times the bytes at most.
  public static func encode(_ path: Span<UInt8>, into writer: inout ByteWriter) {
    for index in path.indices {
      let byte = path[index]
      if ByteSet.path.contains(byte) {
        writer.append(byte)
      } else {
        appendEncoded(byte, into: &writer)
      }
    }
  }

  /// The same for a path of the conf file.
  public static func encoded(_ path: String) -> String {
    var encoded = ""
    for byte in path.utf8 {
      if ByteSet.path.contains(byte) {
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        encoded.unicodeScalars.append("%")
        encoded.unicodeScalars.append(Unicode.Scalar(hexadecimalDigit(byte &>> 4)))
        encoded.unicodeScalars.append(Unicode.Scalar(hexadecimalDigit(byte & 15)))
      }
    }
    return encoded
  }

  /// Appends a byte percent-encoded.
  static func appendEncoded(_ byte: UInt8, into writer: inout ByteWriter) {
    writer.append(ASCII.percent)
    writer.append(hexadecimalDigit(byte &>> 4))
    writer.append(hexadecimalDigit(byte & 15))
  }

  /// Uppercase, as RFC 3986 section 2.1 recommends.
  private static func hexadecimalDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? 0x30 &+ value : 0x37 &+ value
  }
}
