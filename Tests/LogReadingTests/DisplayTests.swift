import Basics
import LogReading
import Testing

/// What terminals are shown: columns, colours, and nothing that moves the cursor.
@Suite struct DisplayTests {
  private func shown(_ lines: [String], isColoured: Bool = false, time: UInt64? = nil) throws
    -> [String]
  {
    var display = EntryLine(isColoured: isColoured)
    for line in lines {
      let bytes = Array(line.utf8)
      display.write(try #require(parse(line)), bytes.span, time: time)
    }
    #expect(display.pending > 0)
    let text = String(decoding: display.take(), as: UTF8.self)
    #expect(display.pending == 0)
    return text.split(separator: "\n").map(String.init)
  }

  /// Every column in its place; a JSON escape is undone, an absent value is a dash.
  @Test func entriesStandInColumns() throws {
    let lines = try shown([Lines.json, Lines.retried, Lines.combined])
    let words = lines.map { $0.split(separator: " ", omittingEmptySubsequences: true) }
    #expect(lines[0].hasPrefix("(no time)  200"))
    #expect(words[0].contains("/a\"b") && words[0].contains("127.0.0.1:8081"))
    #expect(words[0].last == "e62fbf04-db7d-4878-a78d-9aa6f94c31d5")
    #expect(words[1].suffix(2) == ["two-tries", "http_protocol_error"])
    #expect(words[2].contains("-") && words[2].contains("/echo?x=1"))
    let places = lines.prefix(2).map { line in
      line.firstRange(of: "GET").map { line.distance(from: line.startIndex, to: $0.lowerBound) }
    }
    #expect(places[0] != nil && places[0] == places[1])
  }

  /// As another program may write them, too; what can't be shown stays as it is written.
  @Test(arguments: [
    (#"ab\/cd\u003defgh"#, "ab/cd=efgh"), (#"\u0041\u00e9"#, #"A\u00e9"#), (#"\u20ac"#, "€"),
    (#"\ud83d\ude00x"#, "😀x"), (#"\ud83dx"#, #"\ud83dx"#), (#"a\u000ab\n"#, #"a\u000ab\n"#),
    (#"\\u0041"#, #"\u0041"#), (#"\u202e"#, #"\u202e"#), (#"\u00"#, #"\u00"#),
  ])
  func escapesOfJSONAreUndone(written: String, shown text: String) throws {
    let line = Lines.retried.replacing("two-tries", with: written)
    #expect(try shown([line])[0].split(separator: " ").contains { $0 == text })
  }

  /// With a time it is shown; colours only where they are wanted.
  @Test func timesAndColours() throws {
    let plain = try shown([Lines.retried], time: 1_795_391_358_386_294)
    #expect(plain[0].hasPrefix("2026-11-2") && plain[0].contains("502"))
    #expect(!plain[0].utf8.contains(0x1B))
    #expect(try shown([Lines.retried], isColoured: true)[0].contains("\u{1B}[31m"))
  }

  /// What somebody logged can't move the cursor, end the line, or turn the direction of writing.
  @Test(arguments: [
    ("plain", "plain"), ("a\u{1B}[2Jb", "a\\x1B[2Jb"), ("a\nb\tc", "a\\x0Ab\\x09c"),
    ("\u{202E}x", "\\u{202e}x"), ("\u{85}", "\\u{85}"), ("Grüße", "Grüße"), ("", ""),
  ])
  func textIsSafe(text: String, shown: String) {
    var bytes: [UInt8] = []
    SafeText.append(Array(text.utf8), to: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == shown)
  }

  @Test(arguments: [
    ("a\"b\\c", "\"a\\\"b\\\\c\""), ("\u{1}\u{7F}", "\"\\u0001\\u007F\""), ("ü", "\"ü\""),
    ("\u{9B}\u{85}", "\"\\u009B\\u0085\""), ("\u{2028}\u{2029}", "\"\\u2028\\u2029\""),
    ("\u{202E}\u{2066}\u{61C}\u{FEFF}", "\"\\u202E\\u2066\\u061C\\uFEFF\""),
    ("\u{E0001}", "\"\\uDB40\\uDC01\""),
  ])
  func jsonIsValid(text: String, json: String) {
    var bytes: [UInt8] = []
    SafeText.appendJSON(Array(text.utf8), to: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == json)
  }

  /// A line of JSON says the same, on one line; what is no UTF-8 stays.
  @Test func jsonLinesKeepTheirMeaning() {
    var bytes: [UInt8] = []
    SafeText.append(json: Array("{\"a\":\"é\u{2028}\u{9B}x\"}".utf8).span, to: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == "{\"a\":\"é\\u2028\\u009Bx\"}")
    bytes = []
    SafeText.append(json: [0x61, 0xFF, 0xE2, 0x80].span, to: &bytes)
    #expect(bytes == [0x61, 0xFF, 0xE2, 0x80])
  }

  @Test func brokenTextIsShownAsBroken() {
    var bytes: [UInt8] = []
    SafeText.append([0x61, 0xFF, 0x62], to: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == "a\u{FFFD}b")
  }

  /// On a terminal no line is wider than it is, and status, path and the ID's beginning stay.
  @Test(arguments: [40, 47, 60, 80, 100, 119, 120, 160, 200])
  func linesFitTheTerminal(width: Int) throws {
    let uris = [
      "/a", "/api/orders/\(String(repeating: "漢", count: 90))/end", "/e\u{301}\u{1B}[2J/x?q=1",
      "/\(String(repeating: "long/", count: 80))tail",
    ]
    var display = EntryLine(isColoured: false, width: width)
    for (number, uri) in (uris + uris).enumerated() {
      let line = Lines.retried.replacing("\"uri\":\"/\"", with: "\"uri\":\"\(uri)\"")
        .replacing("two-tries", with: "6749326\(number)-17d3-44e3-8ef2-7b3bbcf48c82")
        .replacing("\"host\":\"h\"", with: "\"host\":\"\(String(repeating: "h", count: 60))\"")
      let bytes = Array(line.utf8)
      display.write(try #require(parse(line)), bytes.span, time: 1_795_391_358_386_294)
    }
    let lines = String(decoding: display.take(), as: UTF8.self).split(separator: "\n")
    for (number, line) in lines.enumerated() {
      #expect(DisplayWidth.columns(of: Array(line.utf8)) <= width, "\(line)")
      #expect(line.contains("502") && line.contains("6749326\(number)") && line.contains("/"))
    }
  }

  @Test(arguments: [
    ("abcdef", 6, "abcdef"), ("abcdef", 5, "ab…ef"), ("abcdef", 1, "…"), ("abcdef", 0, ""),
    ("漢字漢字", 7, "漢…漢字"), ("漢字漢字", 4, "…字"), ("ae\u{301}bcdef", 4, "ae\u{301}…f"),
  ])
  func cropping(text: String, width: Int, cropped: String) {
    let bytes = DisplayWidth.crop(Array(text.utf8), to: width)
    #expect(DisplayWidth.columns(of: bytes) <= width)
    if text.utf8.count == 6 { #expect(String(decoding: bytes, as: UTF8.self) == cropped) }
  }

  @Test func widths() {
    for (text, columns) in [("a", 1), ("é", 1), ("漢", 2), ("e\u{301}", 1), ("😀", 2), ("각", 2)] {
      #expect(DisplayWidth.columns(of: Array(text.utf8)) == columns, "\(text)")
    }
  }
}
