import Basics

/// What a TE field says of trailers (RFC 9110 section 10.1.4).
public enum TrailerWish {
  /// True for a list that has `trailers` among its members.
  public static func isStated(in value: Span<UInt8>) -> Bool {
    var list = ListElements(value, ByteRange(start: 0, count: value.count))
    while let element = list.next() {
      if FieldNameMatch.equalIgnoringCase(value.extracting(element.offsets), "trailers") {
        return true
      }
    }
    return false
  }
}
