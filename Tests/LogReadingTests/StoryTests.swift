import LogReading
import Testing

@Suite struct StoryTests {
  private func line(
    _ file: Int, _ offset: UInt64, _ text: String, _ time: UInt64?, precision: UInt64 = 1
  ) -> FoundLine {
    FoundLine(
      file: file, offset: offset, text: Array(text.utf8), id: Array("x".utf8), isExact: true,
      stamp: time.map { LogTime.Stamp(time: $0, precision: precision) }, entry: parse(text))
  }

  private func order(_ lines: [FoundLine]) -> [String] {
    Story(lines).lines.map { String(decoding: $0.text, as: UTF8.self) }
  }

  private func text(_ story: Story, coloured: Bool = false) -> String {
    String(
      decoding: StoryText.render(
        story, id: Array("x".utf8), names: ["a/one.log", "b/two.log"], isColoured: coloured),
      as: UTF8.self)
  }

  @Test func linesAreInOrderOfTimeAndTimelessOnesStay() {
    let story = Story([
      line(1, 9, "timeless", nil), line(1, 0, "second", 20), line(0, 5, "third", 30),
      line(0, 0, "first", 10), line(0, 5, "third", 30), line(2, 0, "of a timeless file", nil),
    ])
    let texts = story.lines.map { String(decoding: $0.text, as: UTF8.self) }
    #expect(texts == ["first", "second", "timeless", "third", "of a timeless file"])
  }

  /// Python cuts its stamps to milliseconds: here all three were written in the same one.
  @Test func cutStampsStandBetweenTheTriesAndTheEnd() {
    let ended = #"{"request_id":"x","status":200}"#
    let told = order([
      line(0, 0, "django", 7_000, precision: 1_000),
      line(0, 9, "django again", 7_000, precision: 1_000),
      line(0, 20, "later", 8_000, precision: 1_000), line(1, 0, "refused", 7_100),
      line(2, 0, ended, 7_900), line(3, 0, "gunicorn", 0, precision: 1_000_000),
    ])
    #expect(told == ["refused", "django", "django again", "gunicorn", ended, "later"])
  }

  /// Microseconds that happen to end with zeros are microseconds.
  @Test func zerosAreDigits() {
    let ended = #"{"request_id":"x","status":200}"#
    let lines = [
      line(0, 0, "noted", 7_000_000), line(0, 9, "thanked", 7_000_150),
      line(1, 0, "tried", 6_999_000), line(1, 9, "tried again", 6_999_400),
      line(2, 0, "cut", 7_001_000, precision: 1_000), line(3, 0, ended, 7_001_000),
    ]
    #expect(order(lines) == ["tried", "tried again", "noted", "thanked", ended, "cut"])
    let cut = [
      line(0, 0, ended, 8_003_000), line(1, 0, "django", 8_000_000, precision: 1_000),
      line(1, 9, "django again", 8_001_000, precision: 1_000),
    ]
    #expect(order(cut) == ["django", "django again", ended])
  }

  /// A thread that writes late, a clock that is set back a little: the file's order is right.
  @Test func linesOfAFileStayInItsOrder() {
    let lines = [
      line(0, 0, "a1", 5_000_900), line(0, 9, "a2", 5_000_100), line(0, 20, "a3", nil),
      line(0, 30, "a4", 5_000_899), line(0, 40, "a5", 6_000_000), line(1, 0, "b1", 5_000_000),
      line(1, 9, "b2", 5_500_000), line(1, 20, "b3", 4_600_000), line(1, 30, "b4", 5_600_000),
    ]
    #expect(order(lines) == ["b1", "a1", "a2", "a3", "a4", "b2", "b3", "b4", "a5"])
  }

  /// Whole seconds leave room: such a line goes before what follows it in its file.
  @Test func linesOfAFileWithStampsOfDifferentPrecisionStayInItsOrder() {
    let lines = [
      line(0, 0, "worker", 5_200_000, precision: 1_000),
      line(0, 9, "gunicorn", 5_000_000, precision: 1_000_000),
      line(0, 20, "worker again", 5_400_000, precision: 1_000), line(1, 0, "other", 5_300_000),
    ]
    #expect(order(lines) == ["worker", "other", "gunicorn", "worker again"])
  }

  /// What lies further back is from another writer: the stamps count.
  @Test func filesPutTogetherFromSeveralAreInOrderOfTime() {
    let lines = [
      line(0, 0, "one's first", 10_000_000), line(0, 20, "one's last", 19_000_000),
      line(0, 40, "other's first", 12_000_000), line(0, 60, "other's last", 18_000_000),
      line(1, 0, "proxy", 15_000_000),
    ]
    #expect(
      order(lines)
        == ["one's first", "other's first", "proxy", "other's last", "one's last"])
  }

  @Test func triesAndPhases() throws {
    let shown = text(Story([line(0, 0, Lines.retried, 10)]))
    #expect(shown.contains("try 1  127.0.0.1:1"))
    #expect(shown.contains("connection_refused"))
    let bars = shown.split(separator: "\n").filter { $0.contains("|") }
    #expect(bars.count == 5)
    #expect(bars[0].contains("request") && bars[0].contains("1.000 ms"))
    #expect(bars[0].contains("|" + String(repeating: "#", count: 20) + " "))
    #expect(bars[3].contains("wait") && bars[3].contains("0.700 ms"))
  }

  /// Of one day the heading says which; of several each line does.
  @Test func severalDays() {
    let day: UInt64 = 86_400_000_000
    let one = [line(0, 0, "first", 10), line(0, 9, "second", 20), line(1, 0, "none", nil)]
    #expect(text(Story(one)).contains("\n00:00:00.000010 "))
    let shown = text(Story(one + [line(0, 20, "third", day + 10)]))
    #expect(shown.contains("\n1970-01-01 00:00:00.000010 "))
    #expect(shown.contains("\n1970-01-02 00:00:00.000010 "))
    let places = shown.split(separator: "\n").filter { $0.contains(".log  ") }.map {
      $0.distance(from: $0.startIndex, to: $0.firstRange(of: ".log  ")!.lowerBound)
    }
    #expect(places.count == 4 && Set(places).count == 1)
  }

  @Test func escapesOfJSONAreUndone() {
    let escaped = Lines.retried.replacing("\"uri\":\"/\"", with: #""uri":"\/a\u003db""#)
    #expect(text(Story([line(0, 0, escaped, 10)])).contains("h/a=b from"))
  }

  @Test func forProgramsEachLineIsAnObject() {
    let story = Story([
      line(0, 0, "first \"one\"", 1_795_392_000_000_100),
      line(1, 9, "second", 1_795_392_000_001_500), line(1, 20, "timeless", nil),
    ])
    let text = String(decoding: story.json(names: ["a.log", "b.log"]), as: UTF8.self)
    let lines = text.split(separator: "\n")
    #expect(
      lines == [
        #"{"time":"2026-11-23T00:00:00.000100Z","file":"a.log","offset":0,"id":"x","#
          + #""line":"first \"one\""}"#,
        #"{"time":"2026-11-23T00:00:00.001500Z","gap":0.001400,"file":"b.log","offset":9,"#
          + #""id":"x","line":"second"}"#,
        #"{"file":"b.log","offset":20,"id":"x","line":"timeless"}"#,
      ])
  }

  /// What somebody logged can't move the cursor.
  @Test func escapesAreShownNotPassed() {
    let hostile = "\u{1B}[31m\u{9B}2J\u{202E}\u{7}\rx"
    let shown = text(Story([line(0, 0, hostile, 10)]))
    #expect(shown.contains("\\x1B[31m") && shown.contains("\\u{9b}2J\\u{202e}\\x07\\x0Dx"))
    #expect(!shown.unicodeScalars.contains("\u{1B}") && !shown.unicodeScalars.contains("\u{202E}"))
  }

  /// Long records are folded to the lines that say where and why.
  @Test func recordsAreFolded() {
    let lines = (1...20).map { "\tat frame \($0)" }
    let record = line(0, 0, (["failed"] + lines).joined(separator: "\r\n"), 10)
    let shown = text(Story([record]))
    let rows = shown.split(separator: "\n").map(String.init)
    #expect(rows.suffix(7).first?.hasSuffix("one.log  failed") == true)
    #expect(
      Array(rows.suffix(6)) == [
        "          at frame 1", "          at frame 2", "      … 15 lines; --full shows them",
        "          at frame 18", "          at frame 19", "          at frame 20",
      ])
    #expect(!shown.contains("\\x0D"))
    let full = StoryText.render(
      Story([record]), id: [0x78], names: ["a"], isColoured: false, isFull: true)
    #expect(full.split(separator: 10).count == 22)
    let short = line(0, 0, (["failed"] + lines.prefix(6)).joined(separator: "\n"), 10)
    #expect(!text(Story([short])).contains("…"))
  }

  /// The same line of Waybill's as `jq` prints it.
  @Test func prettyPrintedAccessLinesAreUnderstood() {
    let pretty = """
      {
        "request_id": "x",
        "method": "GET",
        "uri": "/a",
        "status": 502,
        "duration": 0.002,
        "tries": [
          {
            "address": "127.0.0.1:1",
            "status": 502,
            "seconds": 0.001
          }
        ]
      }
      """
    var found = line(0, 0, pretty, 10)
    found.entry = parse(found.summary)
    let shown = text(Story([found]))
    #expect(shown.contains("502 GET /a") && shown.contains("try 1  127.0.0.1:1"))
  }

  @Test func otherIDsLeadOn() {
    let text = """
      {"request_id":"own-id-123","client_request_id":"x","upstream_request_id":"backends-1",\
      "status":200}
      """
    #expect(
      Story.otherIDs(in: [line(0, 0, text, 1)])
        == [Array("own-id-123".utf8), Array("backends-1".utf8)])
  }
}
