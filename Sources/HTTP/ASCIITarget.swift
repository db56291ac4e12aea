import Basics

/// Request targets without bytes above 0x7F, which no URI holds (RFC 3986 section 2).
public enum ASCIITarget {
  /// True when `target` holds no such byte. `head` is the head that it was parsed in: whole words
  /// are read, the last of which may reach into the version behind every target.
  public static func isASCII(_ head: Span<UInt8>, _ target: ByteRange) -> Bool {
    let end = target.offsets.upperBound
    precondition(end &+ 8 <= head.count, "ASCIITarget: no version stands behind the target")
    var seen: UInt64 = 0
    var offset = target.offsets.lowerBound
    while offset < end {
      seen |= WordScan.word(head, at: offset)
      offset &+= 8
    }
    return seen & WordScan.spread(0x80) == 0
  }

  /// Appends a path or a query with those bytes percent-encoded. Needs room for three times the
  /// bytes at most.
  public static func append(_ text: Span<UInt8>, into writer: inout ByteWriter) {
    for index in text.indices {
      let byte = text[index]
      if byte < 0x80 {
        writer.append(byte)
      } else {
        PathNormalization.appendEncoded(byte, into: &writer)
      }
    }
  }
}

extension ASCIITarget {
  /// Appends a target that a configuration has composed, with white space, controls and bytes above
  /// 0x7F percent-encoded, so that it can't leave its place in the request line. Needs room for
  /// three times the bytes at most.
  public static func appendSafely(_ text: Span<UInt8>, into writer: inout ByteWriter) {
    for index in text.indices {
      let byte = text[index]
      if byte > ASCII.space && byte < 0x7F {
        writer.append(byte)
      } else {
        PathNormalization.appendEncoded(byte, into: &writer)
      }
    }
  }
}
