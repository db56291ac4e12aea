import Basics

/// The protocols that an Upgrade field names (RFC 9110 section 7.8).
public enum UpgradeProtocols {
  /// The most protocols that a response may say it has switched to, one inside the other; each is
  /// looked for among those that were offered.
  public static var maximumSwitched: Int { 4 }

  /// True for a list of at least one protocol and none of those whose tunnel would hide requests,
  /// which then had no ID, no line and no rules: HTTP in any version (`h2c`, `HTTP/2.0`), and TLS
  /// (RFC 2817), behind which anything may be.
  public static func mayPass(_ value: Span<UInt8>) -> Bool {
    var list = ListElements(value, ByteRange(start: 0, count: value.count))
    var count = 0
    while let element = list.next() {
      count &+= 1
      if hidesRequests(value.extracting(element.offsets)) { return false }
    }
    return count > 0
  }

  /// Anything but `name` or `name/version` counts as well: backends may find names in it that we
  /// don't.
  private static func hidesRequests(_ element: Span<UInt8>) -> Bool {
    var end = 0
    while end < element.count && element[end] != ASCII.slash { end &+= 1 }
    for index in element.indices
    where index != end && !ByteSet.token.contains(element[index]) {
      return true
    }
    let name = element.extracting(0..<end)
    if FieldNameMatch.equalIgnoringCase(name, "TLS") { return true }
    if FieldNameMatch.equalIgnoringCase(name, "HTTP") { return true }
    // `h2`, `h2c` and its drafts: `h2c-14`.
    return name.count >= 2 && FieldNameMatch.equalIgnoringCase(name.extracting(0..<2), "h2")
  }

  /// True when `switched`, of a 101 response, names at least one protocol and only such as
  /// `offered`, of its request, names too.
  public static func isOffer(_ offered: Span<UInt8>, of switched: Span<UInt8>) -> Bool {
    var list = ListElements(switched, ByteRange(start: 0, count: switched.count))
    var count = 0
    while let element = list.next() {
      count &+= 1
      guard count <= maximumSwitched,
        contains(offered, switched.extracting(element.offsets))
      else { return false }
    }
    return count > 0
  }

  private static func contains(_ offered: Span<UInt8>, _ wanted: Span<UInt8>) -> Bool {
    var list = ListElements(offered, ByteRange(start: 0, count: offered.count))
    while let element = list.next() {
      if FieldNameMatch.equalIgnoringCase(offered.extracting(element.offsets), wanted) {
        return true
      }
    }
    return false
  }
}
