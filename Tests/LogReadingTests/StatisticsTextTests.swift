import Basics
import LogReading
import Testing

/// The summary that `waybill logs --stats` prints.
@Suite struct StatisticsTextTests {
  private func statistics(_ lines: [String], by grouping: Grouping?) throws -> LogStatistics {
    try StatisticsTests.sums([lines], StatisticsPlan(groupings: grouping.map { [$0] } ?? []))
  }

  private func text(_ statistics: LogStatistics, isColoured: Bool = false, width: Int? = nil)
    -> String
  {
    let bytes = StatisticsText.render(statistics, width: width, isColoured: isColoured)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Counts, shares, classes, durations, and the requests worth a look with their IDs.
  @Test func everythingIsSummedUp() throws {
    let lines = [Lines.json, Lines.json, Lines.json, Lines.retried]
    let text = text(try statistics(lines, by: .host))
    let rows = text.split(separator: "\n").map { row in
      row.split(separator: " ").joined(separator: " ")
    }
    #expect(rows.contains("requests 4"))
    #expect(rows.contains("failed 1 25.00 %"))
    #expect(rows.contains("status 2xx 3 75.00 %") && rows.contains("status 5xx 1 25.00 %"))
    #expect(rows.contains { $0.hasPrefix("duration p50 ") && $0.contains(" max ") })
    #expect(rows.contains("by host"))
    #expect(rows.contains { $0.hasPrefix("3 0 0.00 % 0.18 ms") && $0.hasSuffix(" 127.0.0.1:8080") })
    #expect(rows.contains { $0.hasPrefix("1 1 100.00 % 2.00 ms") && $0.hasSuffix(" h") })
    #expect(rows.contains("slowest") && rows.contains("failed (the first)"))
    let failed = rows.last { $0.contains("two-tries") }
    #expect(failed?.hasSuffix("502 two-tries GET / http_protocol_error") == true)
    #expect(!text.utf8.contains(0x1B))
  }

  /// More groups than a person reads are summed up; the names come from outside.
  @Test func manyGroupsAreSummedUp() throws {
    let lines = (0..<30).map { number in
      Lines.retried.replacing("\"host\":\"h\"", with: "\"host\":\"h\(number)\\u001b\"")
    }
    let text = text(try statistics(lines, by: .host), isColoured: true)
    #expect(text.contains("(all others)"))
    #expect(text.contains("\u{1B}[") && !text.contains("\u{1B}\""))
  }

  /// Each is rounded on its own, a half up.
  @Test func sharesAreRounded() throws {
    #expect(Shares.percent(1, of: 3) == "33.33 %" && Shares.percent(2, of: 3) == "66.67 %")
    #expect(Shares.percent(19_999, of: 20_000) == ">99.99 %")
    #expect(Shares.percent(1, of: 20_000) == "0.01 %")
    #expect(Shares.percent(999_999, of: 1_000_000) == ">99.99 %")
    #expect(Shares.percent(1, of: 1_000_000) == "<0.01 %")
    #expect(
      Shares.percent(1, of: .max) == "<0.01 %" && Shares.percent(.max - 1, of: .max) != "100 %")
    #expect(Shares.percent(.max, of: .max) == "100.00 %")
    #expect(Shares.percent(5, of: 5) == "100.00 %" && Shares.percent(0, of: 5) == "0.00 %")
    let lines = [200, 404, 502].map {
      Lines.retried.replacing("\"status\":502", with: "\"status\":\($0)")
    }
    let text = text(try statistics(lines, by: nil))
    #expect(text.split(separator: "\n").filter { $0.hasSuffix(" 33.33 %") }.count == 3)
  }

  /// What a line does not say is not 0; a JSON escape is undone.
  @Test func unknownDurationsAndEscapes() throws {
    let failed = Lines.combined.replacing("\" 200 ", with: "\" 502 ")
    #expect(text(try statistics([failed], by: nil)).contains("           -  502"))
    let escaped = Lines.retried.replacing("\"uri\":\"/\"", with: #""uri":"\/a\u003db\/c""#)
    let shown = text(try statistics([escaped], by: .path))
    #expect(shown.contains("GET /a=b/c") && shown.contains("  /a=b/c\n"))
  }

  /// Nobody knows how long they took.
  @Test func requestsWithoutDurationAreNotTheSlowest() throws {
    let text = text(try statistics([Lines.combined, Lines.combined], by: .path))
    #expect(!text.contains("slowest") && !text.contains("0.000 ms"))
  }

  @Test func nothingIsNoTrap() throws {
    let text = text(try statistics([], by: nil))
    #expect(text.contains("requests") && text.contains("0 %"))
  }

  /// No line is wider than the terminal, at any width, whatever stands in the log.
  @Test(arguments: [40, 41, 55, 63, 80, 99, 100, 119, 140, 200])
  func linesFit(width: Int) throws {
    let names = ["漢字漢字漢字漢字漢字漢字", "e\u{301}e\u{301}", "a\u{1B}[2Jb", "plain", "\u{202E}x"]
    let lines = (0..<200).map { number in
      StatisticsTests.line(
        "/\(names[number % 5])/\(String(repeating: "q", count: number))", status: 200 + number,
        duration: Double(number * number * number) / 100, second: number * 100,
        more: #","request_id":"\#(names[(number + 1) % 5])67493260-17d3-44e3-8ef2-7b3bbcf48c82","#
          + #""error":"http_response_header_section_size""#)
    }
    let plan = StatisticsPlan(groupings: [.path, .status], interval: 600)
    let sums = try StatisticsTests.sums([lines], plan)
    for line in text(sums, width: width).split(separator: "\n") {
      let columns = DisplayWidth.columns(of: Array(line.utf8))
      #expect(columns <= width, "\(columns): \(line)")
    }
  }

  @Test func sparklines() {
    #expect(Sparkline.text([0, 1, 4, 8]) == " ▁▄█" && Sparkline.text([]) == "")
    #expect(Sparkline.text([0, 0]) == "  " && Sparkline.text([.max, 1]) == "█▁")
  }
}
