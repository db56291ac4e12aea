import Basics
import HTTP
import Testing

private func normalize(_ path: String) -> String? {
  normalizedPath(path.octets).map { String(decoding: $0, as: UTF8.self) }
}

@Suite struct PathNormalizationTests {
  @Test(arguments: [
    ("/", "/"), ("/a/b", "/a/b"), ("//a///b//", "/a/b/"), ("/.", "/"), ("/./", "/"),
    ("/a/./b", "/a/b"), ("/a/.", "/a/"), ("/a/..", "/"), ("/a/../", "/"), ("/a/../b", "/b"),
    ("/a/b/..", "/a/"), ("/a/b/../../c", "/c"), ("/a//../b", "/b"), ("/...", "/..."),
    ("/.a", "/.a"), ("/..a/b", "/..a/b"), ("/a./b..", "/a./b.."), ("/a%20b", "/a b"),
    ("/%61", "/a"), ("/a%2Fb", "/a/b"), ("/a%2f%2fb", "/a/b"), ("/a/%2e%2E/b", "/b"),
    ("/a/.%2e", "/"), ("/%2e", "/"), ("/a%2f..%2fb", "/b"), ("/%25", "/%"), ("/%252e", "/%2e"),
    ("/%3F%23", "/?#"), ("/%c3%a4", "/ä"), ("/%01", "/\u{1}"),
  ])
  func normalizes(path: String, normal: String) {
    #expect(normalize(path) == normal)
  }

  @Test(arguments: [
    "", "a", "%2Fa", "/..", "/../a", "/a/../..", "/a/../../b", "/%2e%2e/", "/a/..%2f..", "/./..",
    "/%", "/%2", "/%zz", "/%2z", "/a%", "/%00", "/a%00b", "//..",
  ])
  func refuses(path: String) {
    #expect(normalize(path) == nil)
  }

  @Test func refusesWhatDoesNotFit() {
    #expect(normalizedPath("/abc".octets, capacity: 3) == nil)
    #expect(normalizedPath("/abc".octets, capacity: 4) == "/abc".octets)
  }

  @Test func appendsBehindWhatIsThere() {
    #expect(normalizedPath("/a/../b".octets, behind: "/x/y") == "/x/y/b".octets)
    #expect(normalizedPath("/..".octets, behind: "/x/y") == nil)
  }

  @Test(arguments: [
    ("/", true), ("/a", true), ("/index.html", true), ("/products/1234/reviews", true),
    ("/a/", true), ("/1234567", true), ("/12345678/", true), ("", false), ("a", false),
    ("//", false), ("/.", false), ("/a/..", false), ("/a/.b", false), ("/%41", false),
    ("/products/1234//reviews", false), ("/products/1234/../x", false),
    ("/products/1234/reviews%", false), ("/1234567//", false), ("/12345678/.", false),
    ("/products/\u{E4}/\u{AF}/\u{FF}ok", true), ("/\u{AF}/\u{AE}%", false),
  ])
  func tellsNormalPaths(path: String, isNormal: Bool) {
    #expect(isNormalPath(path.octets) == isNormal)
  }

  /// What is told to be normal is left alone by normalisation; a flaw is seen wherever it stands.
  @Test func agreesWithItself() {
    var random = RandomBytes(seed: 99)
    let alphabet: [UInt8] = [0x2F, 0x2E, 0x61, 0x62, 0x25, 0x32, 0xAF, 0x30]
    for _ in 0..<20_000 {
      let bytes = [0x2F] + (0..<random.next(below: 24)).map { _ in alphabet[random.next(below: 8)] }
      let hasFlaw =
        bytes.contains(0x25)
        || zip(bytes, bytes.dropFirst()).contains { $0 == 0x2F && ($1 == 0x2F || $1 == 0x2E) }
      #expect(isNormalPath(bytes) == !hasFlaw, "\(bytes)")
      guard !hasFlaw else { continue }
      #expect(normalizedPath(bytes) == bytes)
    }
  }

  /// `merge_slashes off` keeps slashes, and segments between them that `..` takes back.
  @Test(arguments: [
    ("//", "//"), ("/a//b", "/a//b"), ("/a/%2F/b", "/a///b"), ("/a//../b", "/a/b"),
    ("/a/./b", "/a/b"), ("/a/.", "/a/"), ("//..", "/"), ("/a//.", "/a//"), ("/a/b/../", "/a/"),
  ])
  func keepsSlashes(path: String, kept: String) {
    let text = written {
      #expect(PathNormalization.normalize(path.octets.span, mergesSlashes: false, into: &$0))
    }
    #expect(text == kept)
  }

  /// Encoding a normalised path and normalising it again changes nothing.
  @Test func encodingIsUndoneByNormalization() {
    let everything = [0x2F] + (1...255).map { UInt8($0) }.filter { $0 != 0x2F && $0 != 0x2E }
    let encoded = writtenBytes { PathNormalization.encode(everything.span, into: &$0) }
    #expect(normalizedPath(encoded) == everything)
  }

  @Test(arguments: [
    ("/a-b_c.d~e", "/a-b_c.d~e"), ("/a b", "/a%20b"), ("/%?#", "/%25%3F%23"),
    ("/\u{E4}\u{7F}\u{1}", "/%E4%7F%01"), ("/<>\"\\^`{|}", "/%3C%3E%22%5C%5E%60%7B%7C%7D"),
    ("/a:b@c;d=e&f+g,h!i$j'k(l)m*n[o]", "/a:b@c;d=e&f+g,h!i$j'k(l)m*n[o]"),
  ])
  func encodes(path: String, encoded: String) {
    let text = written { PathNormalization.encode(path.octets.span, into: &$0) }
    #expect(text == encoded)
  }
}
