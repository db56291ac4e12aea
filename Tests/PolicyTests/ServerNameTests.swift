import Basics
import Policy
import Testing

/// Which server a host belongs to.
@Suite struct ServerNameTests {
  private let arena = Arena()

  private func find(_ host: String, _ names: [(name: String, server: Int)]) -> Int? {
    let found = ServerNameTable(names: names, arena: arena).find(bytes(host).span)
    return found == ServerNameTable.none ? nil : found
  }

  private let names = [
    (name: "example.com", server: 0), (name: "*.example.com", server: 1),
    (name: "*.api.example.com", server: 2), (name: ".both.org", server: 3),
    (name: "MiXed.Example.NET", server: 4), (name: "www.example.com", server: 5),
    (name: "localhost", server: 6), (name: "127.0.0.1", server: 7), (name: "[::1]", server: 8),
    (name: "dotted.example.", server: 9), (name: "*.Upper.ORG", server: 10),
  ]

  /// An address in brackets is a name like others.
  @Test func addressLiterals() {
    let arena = Arena()
    let table = ServerNameTable(
      names: [("[::1]", 0), ("[::ffff:10.0.0.1]", 1), ("*.0.1]", 2)], arena: arena)
    withExtendedLifetime(arena) {
      #expect(table.find(Array("[::1]".utf8).span) == 0)
      #expect(table.find(Array("[::FFFF:10.0.0.1]".utf8).span) == 1)
      #expect(table.find(Array("[::2]".utf8).span) == ServerNameTable.none)
    }
  }

  @Test(arguments: [
    ("example.com", 0), ("EXAMPLE.com", 0), ("example.com.", 0), ("a.example.com", 1),
    ("A.Example.Com.", 1), ("a.b.example.com", 1), ("www.example.com", 5), ("api.example.com", 1),
    ("x.api.example.com", 2), ("x.y.api.example.com", 2), ("xapi.example.com", 1),
    ("both.org", 3), ("a.both.org", 3), ("a.b.c.both.org", 3), ("notboth.org", nil),
    ("mixed.example.net", 4), ("MIXED.EXAMPLE.NET", 4), ("example.net", nil), ("localhost", 6),
    ("127.0.0.1", 7), ("[::1]", 8), ("dotted.example", 9), ("dotted.example.", 9),
    ("a.UPPER.org", 10), ("upper.org", nil), ("", nil), (".", nil), ("com", nil),
    (".example.com", nil), ("xexample.com", nil), ("example.com..", nil), ("*.example.com", 1),
  ])
  func finding(_ host: String, _ server: Int?) {
    #expect(find(host, names) == server)
  }

  @Test func emptyTable() {
    #expect(find("example.com", []) == nil)
    #expect(find("", []) == nil)
  }

  @Test func theEmptyNameIsThatOfNoHost() {
    #expect(find("", [("", 3)]) == 3)
    #expect(find("a", [("", 3)]) == nil)
  }

  @Test func theFirstOfEqualNamesCounts() {
    #expect(find("a.b", [("a.b", 1), ("A.B", 2)]) == 1)
    #expect(find("x.a.b", [("*.a.b", 1), (".a.b", 2)]) == 1)
  }

  @Test func aNameWrittenOutWinsOverAnImpliedOne() {
    #expect(find("a.b", [(".a.b", 1), ("a.b", 2)]) == 2)
    #expect(find("x.a.b", [(".a.b", 1), ("a.b", 2)]) == 1)
  }

  @Test func bytesThatAreNoLettersDoNotFold() {
    #expect(find("a@b", [("a`b", 1)]) == nil)
    #expect(find("a[b", [("a{b", 1)]) == nil)
  }

  @Test(arguments: [(255, true), (256, false)])
  func longHostsGoToTheDefaultServer(_ count: Int, _ isFound: Bool) {
    let host = String(repeating: "a", count: count - 4) + ".com"
    #expect((find(host, [("*.com", 1)]) == 1) == isFound)
  }

  /// A thousand servers against a search through all names.
  @Test func againstAModel() {
    var generator = SeededGenerator(seed: 6)
    let labels = "a b c d e f g h www api shop x1 static img com org net de".split(separator: " ")
    func host() -> String {
      let count = Int.random(in: 2...5, using: &generator)
      return (0..<count).map { _ in labels.randomElement(using: &generator)! }
        .joined(separator: ".")
    }
    var names: [(name: String, server: Int)] = []
    for server in 0..<1_000 {
      names.append((["", "*.", "."].randomElement(using: &generator)! + host(), server))
    }
    let table = ServerNameTable(names: names, arena: arena)
    var found = 0
    for _ in 0..<2_000 {
      let host = host()
      let expected = model(host, names)
      if expected != nil { found += 1 }
      #expect(table.find(bytes(host.uppercased()).span) == expected ?? -1, "\(host)")
    }
    #expect(found > 500 && found < 1_900)
  }

  private func model(_ host: String, _ names: [(name: String, server: Int)]) -> Int? {
    if let exact = names.first(where: { $0.name == host }) { return exact.server }
    if let implied = names.first(where: { $0.name == "." + host }) { return implied.server }
    var best: (length: Int, server: Int)?
    for (name, server) in names where name.hasPrefix("*.") || name.hasPrefix(".") {
      let suffix = name.hasPrefix("*") ? String(name.dropFirst()) : name
      if host.hasSuffix(suffix) && suffix.count > best?.length ?? 0 {
        best = (suffix.count, server)
      }
    }
    return best?.server
  }
}
