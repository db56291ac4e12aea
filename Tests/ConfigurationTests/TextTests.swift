import Basics
import Testing

@testable import Configuration

/// Words, units and suggestions: the small parts that every directive stands on.
struct TextTests {
  /// The words of a text as the lexer reads them, `{ } ;` as themselves.
  static func words(_ text: String) -> [String] {
    let reporter = DiagnosticReporter()
    let file = reporter.add(SourceFile(path: "proxy.conf", bytes: Array(text.utf8)))
    var lexer = Lexer(file: file, reporter: reporter)
    var words: [String] = []
    while true {
      switch lexer.next() {
      case .word(let word): words.append(word.text)
      case .openBrace: words.append("{")
      case .closeBrace: words.append("}")
      case .semicolon: words.append(";")
      case .end: return words + (reporter.errorCount > 0 ? ["error"] : [])
      }
    }
  }

  /// nginx would split the text elsewhere.
  @Test(arguments: [
    ("a b;c{d}", ["a", "b", ";", "c", "{", "d}"]),
    ("a # b;\nc", ["a", "c"]),
    ("a#b c", ["a#b", "c"]),
    ("'a b' \"c;{}\" ''", ["a b", "c;{}", ""]),
    ("${a}b ${c}", ["${a}b", "${c}"]),
    ("a{", ["a", "{"]),
    (#"a\ b"#, [#"a\ b"#]),
    (#"'it\'s' "\"" '\\' '\n\t' '\d'"#, ["it's", "\"", #"\"#, "\n\t", #"\d"#]),
    ("a\r\nb\tc", ["a", "b", "c"]),
    ("'a\nb';", ["a\nb", ";"]),
    ("\u{FEFF}a", ["a"]),
    ("a\u{1}b", ["a\u{1}b", "error"]),
    ("}", ["}"]),
    (#"if ($x = "y") {"#, ["if", "($x", "=", "y", ")", "{"]),
    ("if ($x ~ 'a b'){", ["if", "($x", "~", "a b", ")", "{"]),
    (#"("a")"#, [#"("a")"#]),
    (#""a");"#, ["a", ")", ";"]),
    (#""a")b c"#, ["a", ")b", "c"]),
    (#""a""b""#, ["a", "b", "error"]),
    (#"\${a}"#, [#"\$"#, "{", "a}"]),
    (#"\${a"#, [#"\$"#, "{", "a"]),
    ("", []),
  ]) func lexing(_ text: String, _ expected: [String]) {
    #expect(Self.words(text) == expected)
  }

  /// A time that nginx takes is refused, or means something else.
  @Test(
    arguments: [
      ("0", 0), ("5", 5000), ("5s", 5000), ("500ms", 500), ("1m", 60_000), ("2h", 7_200_000),
      ("1d", 86_400_000), ("1w", 604_800_000), ("1M", 2_592_000_000), ("1y", 31_536_000_000),
      ("1h30m", 5_400_000), ("1h 30m", 5_400_000), ("1m 5", 65_000), ("1s500ms", 1500),
    ] as [(String, UInt64)]) func times(_ text: String, _ milliseconds: UInt64)
  {
    #expect(Units.interval(text) == .milliseconds(milliseconds))
  }

  /// A time that is none must not be taken for one, nor overflow.
  @Test(arguments: [
    "", "s", "-1", "1x", "1.5s", "1m1h", "1s1s", "1 1", " 1", "99999999999999999999", "600y",
    "18446744073709551615y", "١s",
  ]) func noTimes(_ text: String) {
    #expect(Units.interval(text) == nil)
  }

  /// A size that nginx takes is refused, or means something else.
  @Test(
    arguments: [
      ("0", 0), ("17", 17), ("8k", 8192), ("8K", 8192), ("2m", 2_097_152), ("1G", 1_073_741_824),
    ] as [(String, UInt64)]) func sizes(_ text: String, _ bytes: UInt64)
  {
    #expect(Units.byteCount(text) == bytes)
  }

  /// A size that is none must not be taken for one, nor overflow.
  @Test(arguments: [
    "", "k", "-1", "1kb", "1 k", "1.5m", "99999999999999999999", "9223372036854775807k",
    "18446744073709551615",
  ]) func noSizes(_ text: String) {
    #expect(Units.byteCount(text) == nil)
  }

  /// A suggestion that is far off is worse than none.
  @Test(arguments: [
    ("lisen", "listen"), ("lsiten", "listen"), ("LISTEN", "listen"), ("proxypass", "proxy_pass"),
    ("xyz", nil), ("", nil),
  ]) func suggestions(_ word: String, _ expected: String?) {
    #expect(
      Suggestion.nearest(to: word, among: ["listen", "proxy_pass", "location"]) == expected)
  }

  /// The measure behind the suggestions.
  @Test(arguments: [
    ("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("abc", "acb", 1), ("abc", "xbc", 1),
    ("kitten", "sitting", 3),
  ]) func distances(_ left: String, _ right: String, _ expected: Int) {
    #expect(Suggestion.distance(Array(left.utf8), Array(right.utf8)) == expected)
  }
}
