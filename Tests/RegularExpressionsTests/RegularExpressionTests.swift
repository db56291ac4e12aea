import RegularExpressions
import Testing

struct RegularExpressionTests {
  /// The groups of a match as text, nil where a group took no part; nil when nothing matches.
  private func groups(
    _ pattern: String, _ subject: String, ignoresCase: Bool = false
  ) throws -> [String?]? {
    let expression = try RegularExpression(pattern, ignoresCase: ignoresCase)
    var space = MatchSpace(groupCount: expression.groupCount)
    let bytes = Array(subject.utf8)
    guard space.match(expression, bytes.span) == .matched else { return nil }
    return (0..<space.groupCount).map { group in
      space.range(ofGroup: group).map { String(decoding: bytes[$0], as: UTF8.self) }
    }
  }

  @Test func groupsOfMatches() throws {
    #expect(try groups("^/a/(.*)\\.php$", "/a/b/c.php") == ["/a/b/c.php", "b/c"])
    #expect(try groups("(a)|(b)", "xb") == ["b", nil, "b"])
    #expect(try groups("x*", "") == [""])
    #expect(try groups("\\.(JPG|png)$", "/a.jpg") == nil)
    #expect(try groups("\\.(JPG|png)$", "/a.jpg", ignoresCase: true) == [".jpg", "jpg"])
    #expect(try groups("^/(?<user>[^/]+)/(?<rest>.+)$", "/anna/x") == ["/anna/x", "anna", "x"])
    #expect(try groups("a\\Kb", "ab") == ["b"])
  }

  @Test func names() throws {
    let expression = try RegularExpression("^/(?<user>\\w+)(/(?P<page>\\d+))?")
    #expect(expression.groupCount == 3)
    #expect(expression.namedGroups.map { "\($0.name) \($0.number)" } == ["page 3", "user 1"])
  }

  /// Bytes that are no text are compared as bytes.
  @Test func bytes() throws {
    let expression = try RegularExpression("^/.$")
    var space = MatchSpace(groupCount: 0)
    let invalid: [UInt8] = [0x2F, 0xFF]
    #expect(space.match(expression, invalid.span) == .matched)
    let zero: [UInt8] = [0x2F, 0x00]
    #expect(space.match(expression, zero.span) == .matched)
    let two = Array("/ä".utf8)
    #expect(space.match(expression, two.span) == .none)
  }

  /// A match that fails leaves the groups of the last one, as in nginx.
  @Test func failedMatchKeepsGroups() throws {
    let first = try RegularExpression("(b)")
    let second = try RegularExpression("(x)(y)")
    var space = MatchSpace(groupCount: 2)
    let subject = Array("abc".utf8)
    #expect(space.match(first, subject.span) == .matched)
    #expect(space.match(second, subject.span) == .none)
    #expect(space.groupCount == 2 && space.range(ofGroup: 1) == 1..<2)
    #expect(space.range(ofGroup: 2) == nil && space.range(ofGroup: -1) == nil)
  }

  /// No pattern holds a worker, whatever the path.
  @Test(arguments: ["^(a+)+$", "^(a|a)*$", "(.*)*x", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$"])
  func catastrophes(_ pattern: String) throws {
    let expression = try RegularExpression(pattern)
    var space = MatchSpace(groupCount: 3)
    let subject = [UInt8](repeating: UInt8(ascii: "a"), count: 8000) + [UInt8(ascii: "!")]
    let clock = ContinuousClock()
    let time = clock.measure { _ = space.match(expression, subject.span) }
    #expect(time < .seconds(1))
  }

  /// Nor does one that begins anew at each place of a path and never takes many steps at one.
  @Test(arguments: ["(a|b)*[cd]", "a*a*a*[bc]", "(a.*){3}[xy]", "^(a|b)*[cd]"])
  func slowOnes(_ pattern: String) throws {
    let expression = try RegularExpression(pattern)
    #expect(expression.isAnchored == pattern.hasPrefix("^"))
    var space = MatchSpace(groupCount: 3)
    let subject = [UInt8](repeating: UInt8(ascii: "a"), count: 32_000)
    let clock = ContinuousClock()
    let time = clock.measure { _ = space.match(expression, subject.span) }
    #expect(time < .milliseconds(500))
    // The limits of the long subject are not those of the next one.
    #expect(space.match(expression, Array("aaaaaa".utf8).span) == .none)
  }

  /// What goes over a long path once is no such thing.
  @Test(arguments: ["/aaa/(.*)/b$", "([^/]+)/b$", "^/(.*)/(.*)/b$"])
  func linearOnes(_ pattern: String) throws {
    let expression = try RegularExpression(pattern)
    var space = MatchSpace(groupCount: 2)
    let path = "/aaa/" + String(repeating: "a", count: 8000) + "/b"
    #expect(space.match(expression, Array(path.utf8).span) == .matched)
  }

  /// One that takes too many steps is told from one that does not match.
  @Test func exhaustion() throws {
    let expression = try RegularExpression("^(a+)+$")
    var space = MatchSpace(groupCount: 1)
    let subject = [UInt8](repeating: UInt8(ascii: "a"), count: 40) + [UInt8(ascii: "!")]
    #expect(space.match(expression, subject.span) == .exhausted)
  }

  @Test(arguments: [("a(b", 3), ("[a", 2), ("*", 0), ("(?<1a>x)", 3), ("\\C", 2)])
  func invalidPatterns(_ pattern: String, _ offset: Int) {
    do throws(RegularExpressionError) {
      _ = try RegularExpression(pattern)
      Issue.record("\(pattern) was taken")
    } catch {
      #expect(error.offset == offset && !error.message.isEmpty, "\(error)")
    }
  }

  @Test func longPattern() {
    let pattern = String(repeating: "a", count: MatchLimits.patternBytes + 1)
    #expect(throws: RegularExpressionError.self) { try RegularExpression(pattern) }
  }
}
