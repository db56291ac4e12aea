import HTTP
import Testing

/// If-Match and If-None-Match.
struct EntityTagListTests {
  @Test(
    arguments: [
      ("\"a\"", true, true), ("W/\"a\"", false, true), ("*", true, true), ("\"b\"", false, false),
      ("\"b\", \"a\"", true, true), ("\"b\",W/\"a\" ,x", false, true), ("\"a\"x", false, false),
      ("", false, false), (",", false, false), ("\"a", false, false), ("**", false, false),
      ("x\"a\"", false, false),
    ])
  func list(_ value: String, _ isStrong: Bool, _ isWeak: Bool) {
    let tag = Array("\"a\"".utf8)
    let bytes = Array(value.utf8)
    let strongly = EntityTagList.contains(tag.span, in: bytes.span, isWeak: false)
    let weakly = EntityTagList.contains(tag.span, in: bytes.span, isWeak: true)
    #expect(strongly == isStrong)
    #expect(weakly == isWeak)
  }

  /// Without a tag only `*` matches.
  @Test func noTag() {
    let none: [UInt8] = []
    let star = Array("*".utf8)
    let other = Array("\"a\"".utf8)
    let matchesStar = EntityTagList.contains(none.span, in: star.span, isWeak: true)
    let matchesOther = EntityTagList.contains(none.span, in: other.span, isWeak: true)
    #expect(matchesStar && !matchesOther)
  }
}
