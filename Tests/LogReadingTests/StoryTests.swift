import LogReading
import Testing

@Suite struct StoryTests {
  private func line(_ file: Int, _ offset: UInt64, _ text: String, _ time: UInt64?) -> FoundLine {
    FoundLine(
      file: file, offset: offset, text: Array(text.utf8), id: Array("x".utf8), isExact: true,
      time: time, entry: parse(text))
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
    let story = Story([
      line(0, 0, "django", 7_000), line(0, 9, "django again", 7_000), line(0, 20, "later", 8_000),
      line(1, 0, "refused", 7_100), line(2, 0, ended, 7_900), line(3, 0, "gunicorn", 0),
    ])
    let texts = story.lines.map { String(decoding: $0.text, as: UTF8.self) }
    #expect(texts == ["refused", "django", "django again", "gunicorn", ended, "later"])
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
