import Basics
import Policy
import Testing

/// Which location a path belongs to.
@Suite struct LocationTests {
  private let arena = Arena()

  private func table(_ entries: [(Bool, String)]) -> LocationTable {
    LocationTable(
      entries: entries.enumerated().map {
        (isExact: $0.element.0, path: $0.element.1, location: $0.offset)
      }, unmatched: -1, arena: arena)
  }

  private let entries = [
    (false, "/"), (false, "/api"), (false, "/api/v1/"), (true, "/api"), (true, "/"),
    (false, "/images/"), (false, "/img"), (true, "/favicon.ico"), (false, "/api/v1/users"),
    (false, "/é/"),
  ]

  @Test(arguments: [
    ("/", 4), ("/x", 0), ("/api", 3), ("/api/", 1), ("/apis", 1), ("/ap", 0), ("/api/v1", 1),
    ("/api/v1/", 2), ("/api/v1/x", 2), ("/api/v1/users", 8), ("/api/v1/users/7", 8),
    ("/api/v1/user", 2), ("/api/v2/users", 1), ("/images", 0), ("/images/a.png", 5),
    ("/img", 6), ("/imgs", 6), ("/favicon.ico", 7), ("/favicon.ico2", 0), ("/API", 0),
    ("/é/x", 9), ("/é", 0), ("", nil), ("x", nil), ("*", nil),
  ])
  func finding(_ path: String, _ location: Int?) {
    #expect(table(entries).find(bytes(path).span) == location ?? -1)
  }

  @Test func emptyTable() {
    #expect(table([]).find(bytes("/").span) == -1)
  }

  @Test func exactOnesAlone() {
    let table = table([(true, "/a"), (true, "/b")])
    #expect(table.find(bytes("/a").span) == 0)
    #expect(table.find(bytes("/b").span) == 1)
    #expect(table.find(bytes("/a/").span) == -1)
    #expect(table.find(bytes("/").span) == -1)
  }

  @Test func withoutARootOtherPathsMatchNothing() {
    let table = table([(false, "/b/"), (false, "/b/c/d/")])
    for path in ["/", "/a", "/b", "/c", "/b0"] { #expect(table.find(bytes(path).span) == -1) }
    #expect(table.find(bytes("/b/c/d").span) == 0)
    #expect(table.find(bytes("/b/z").span) == 0)
    #expect(table.find(bytes("/b/c/d/").span) == 1)
  }

  @Test func theFirstOfEqualPathsCounts() {
    let table = table([(false, "/a"), (false, "/a"), (true, "/x"), (true, "/x")])
    #expect(table.find(bytes("/a").span) == 0)
    #expect(table.find(bytes("/x").span) == 2)
  }

  @Test func anEmptyPrefixMatchesEverything() {
    #expect(table([(false, ""), (false, "/a")]).find(bytes("x").span) == 0)
  }

  /// Ten thousand locations against a search through all of them.
  @Test func againstAModel() {
    var generator = SeededGenerator(seed: 7)
    func path() -> String {
      let count = Int.random(in: 0...6, using: &generator)
      let segments = (0..<count).map { _ in
        ["a", "ab", "b", "ba", "aba", "c"].randomElement(using: &generator)!
      }
      let end = Bool.random(using: &generator) && count > 0 ? "/" : ""
      return "/" + segments.joined(separator: "/") + end
    }
    var unique: Set<String> = []
    var entries: [(Bool, String)] = []
    while entries.count < 10_000 {
      let isExact = Int.random(in: 0..<4, using: &generator) == 0
      let path = path()
      if unique.insert("\(isExact)\(path)").inserted { entries.append((isExact, path)) }
    }
    let table = table(entries)
    for _ in 0..<300 {
      let path = path() + (["", "x", "/a"].randomElement(using: &generator)!)
      #expect(table.find(bytes(path).span) == model(path, entries) ?? -1, "\(path)")
    }
  }

  private func model(_ path: String, _ entries: [(Bool, String)]) -> Int? {
    if let exact = entries.firstIndex(where: { $0.0 && $0.1 == path }) { return exact }
    var best: Int?
    for (index, entry) in entries.enumerated() where !entry.0 && path.hasPrefix(entry.1) {
      if best == nil || entry.1.utf8.count > entries[best!].1.utf8.count { best = index }
    }
    return best
  }
}
