import LogReading
import Testing

/// What access lines add up to.
@Suite struct StatisticsTests {
  static let time = LogTime(LocalTime(now: 1_795_392_000_000_000) { _ in 0 })

  /// The sums over blocks of lines, one after the other.
  static func sums(_ blocks: [[String]], _ plan: StatisticsPlan) throws -> LogStatistics {
    var sums = LogStatistics(plan)
    for block in blocks {
      var summary = BlockSummary(plan)
      for line in block {
        let bytes = Array(line.utf8)
        summary.add(try #require(parse(line)), bytes.span, time)
      }
      sums.add(summary)
    }
    return sums
  }

  /// A line with what matters here.
  static func line(
    _ uri: String = "/", status: Int = 200, duration: Double = 0.001, second: Int = 0,
    more: String = ""
  ) -> String {
    let (minutes, seconds) = (second / 60 % 60, second % 60)
    let hours = second / 3600
    func two(_ number: Int) -> String { (number < 10 ? "0" : "") + String(number) }
    return """
      {"time":"2026-11-22T\(two(hours)):\(two(minutes)):\(two(seconds)).000000Z","request_id":"id",\
      "client":"10.0.0.1:5","method":"GET","host":"h","uri":"\(uri)","status":\(status),\
      "duration":\(duration)\(more)}
      """
  }

  private func names(_ sums: LogStatistics) -> [String: UInt64] {
    let rows = sums.tables[0].shown.rows.map {
      (String(decoding: $0.name, as: UTF8.self), $0.present.requests)
    }
    return Dictionary(uniqueKeysWithValues: rows)
  }

  @Test func percentilesAreNear() {
    var histogram = DurationHistogram()
    var other = DurationHistogram()
    for value in UInt64(1)...100_000 {
      if value % 2 == 0 { histogram.add(value) } else { other.add(value) }
    }
    histogram.merge(other)
    #expect(histogram.count == 100_000 && histogram.maximum == 100_000)
    for (share, exact) in [(0.5, 50_000.0), (0.95, 95_000), (0.99, 99_000), (1, 100_000)] {
      let found = Double(histogram.percentile(share))
      #expect(found >= exact && found <= exact * 1.016, "\(share): \(found)")
    }
    let above = Double(histogram.count(above: 90_000))
    #expect(above <= 10_000 && above >= 8_500)
    histogram.add(.max)
    histogram.add(0)
    #expect(histogram.maximum == .max && histogram.percentile(0) == 0)
  }

  /// Names are the clients' choice: they may not fill the memory, and frequent ones stay.
  @Test(arguments: [Grouping.host, .path, .client])
  func rareNamesAreGivenUp(grouping: Grouping) throws {
    var blocks: [[String]] = []
    for block in 0..<40 {
      blocks.append(
        (0..<250).flatMap { number -> [String] in
          let name = "n\(Character(Unicode.Scalar(UInt8(97 + number % 26))))x\(block)x\(number)z"
          return [
            Self.line("/in/\(name)/x", more: #","host":"\#(name)","client":"\#(name)""#),
            Self.line("/usual", more: #","host":"usual","client":"usual""#),
          ]
        })
    }
    let sums = try Self.sums(blocks, StatisticsPlan(groupings: [grouping]))
    let (rows, others) = sums.tables[0].shown
    #expect(sums.tables[0].isCut && rows.count <= 2048)
    let all = rows.reduce(others.present.requests) { $0 + $1.present.requests }
    #expect(all == 20_000 && sums.total.requests == 20_000)
    let usual = rows[0].name == Array((grouping == .path ? "/usual" : "usual").utf8)
    if grouping == .path {
      #expect(names(sums) == ["/usual": 10_000, "/in/*/x": 10_000])
    } else {
      #expect(usual && rows[0].present.requests == 10_000)
    }
  }

  @Test func sumsOverLines() throws {
    let sums = try Self.sums(
      [[Lines.json, Lines.retried], [Lines.combined], [], [Lines.verbose]],
      StatisticsPlan(groupings: [.path, .upstream, .peer, .status, .client, .method, .error]))
    #expect(sums.total.requests == 4 && sums.total.failed == 2)
    #expect(sums.classes[2] == 2 && sums.classes[5] == 2)
    #expect(sums.total.durations.count == 3 && sums.total.durations.maximum == 2000)
    #expect(sums.slowest.map(\.duration) == [2000, 183, 104])
    let failures = sums.failures.map { String(decoding: $0.id, as: UTF8.self) }
    #expect(failures == ["two-tries", "7455dac6"])
    let rows = sums.tables.map { table in
      table.shown.rows.map { String(decoding: $0.name, as: UTF8.self) }.sorted()
    }
    #expect(rows[0] == ["/", "/a\"b", "/echo", "/refused"])
    #expect(
      rows[1] == ["", "127.0.0.1:18099", "127.0.0.1:2", "127.0.0.1:8081"] && rows[1] == rows[2])
    #expect(rows[3] == ["200", "502"] && rows[4] == ["127.0.0.1"] && rows[5] == ["GET"])
    #expect(rows[6] == ["", "connection_refused", "http_protocol_error"])
  }

  /// A tunnel that was open for an hour is no slow request.
  @Test func tunnelsAreNoRequests() throws {
    let lines = [
      Self.line("/a", duration: 0.002), Self.line("/ws", status: 101, duration: 3600),
      Self.line("/ws", status: 101, duration: 0, more: #","event":"upgrade""#),
      Self.line("/ws", status: 101, duration: 0, more: #","event":"upgrade""#),
      Self.line("/h2", duration: 60, more: #","method":"CONNECT""#),
      Self.line("/ws", status: 101, duration: 1, more: #","error":"http_response_timeout""#),
    ]
    let sums = try Self.sums([lines], StatisticsPlan(groupings: [.path]))
    #expect(sums.total.requests == 1 && sums.total.failed == 0 && sums.opened == 2)
    #expect(sums.total.tunnels == 3 && sums.total.failedTunnels == 1)
    #expect(sums.total.durations.maximum == 2000)
    #expect(sums.tunnelDurations.maximum == 3_600_000_000)
    #expect(sums.slowest.count == 1 && sums.failures.count == 1)
    #expect(names(sums) == ["/a": 1, "/ws": 0, "/h2": 0])
  }

  @Test(arguments: [
    ("/", "/"), ("/login?x=1", "/login"), ("/api/orders/4711", "/api/orders/*"),
    ("/api/v1/orders/4711/items/5", "/api/v1/orders/*/items/*"),
    ("/u/67493260-17d3-44e3-8ef2-7b3bbcf48c82", "/u/*"), ("/c/deadbeef01", "/c/*"),
    ("/c/a1b2c3d", "/c/*"), ("/decade", "/decade"), ("/app.3f2a9c1b.js", "/app.*.js"),
    ("/app-3f2a9c1b.min.js", "/app-*.min.js"), ("/2026/11/30/news", "/*/*/*/news"),
    ("/log-2026-11-30.gz", "/log-*.gz"), ("/user17", "/user*"), ("/oauth2/token", "/oauth2/token"),
    ("/v2", "/v2"), ("/watch/dQw4w9WgXcQ", "/watch/*"), ("/id/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/id/*"),
    ("*", "*"), ("http://a.test/x/7", "/x/*"), ("a.test:443", "a.test:443"), ("", ""),
    ("/1/2/3/4/5/6/7/8/9/a", "/*/*/*/*/*/*/*/*/..."), ("/a//7/", "/a//*/"),
    ("/%D0%BF%D1%80", "/%D0%BF%D1%80"),
  ])
  func pathsAreFolded(target: String, folded: String) {
    #expect(String(decoding: PathFolding.fold(Array(target.utf8)), as: UTF8.self) == folded)
  }

  private func word(_ number: Int) -> String {
    String("\(number)".utf8.map { Character(Unicode.Scalar($0 + 49)) })
  }

  /// Slugs look like words: it is their number that tells.
  @Test func manyThatDifferAreOne() throws {
    let few = (0..<50).map { Self.line("/few/\(word($0))") }
    let many = (0..<51).map { Self.line("/many/\(word($0))/end") }
    let heavy = (0..<60).map { _ in Self.line("/many/bestseller/end") }
    let sums = try Self.sums([few, many, heavy], StatisticsPlan(groupings: [.path]))
    let rows = names(sums)
    #expect(rows.keys.filter { $0.hasPrefix("/few/") }.count == 50)
    #expect(rows["/many/*/end"] == 51 && rows["/many/bestseller/end"] == 60)
  }

  /// What a scanner guesses does not fold what exists.
  @Test func guessesAreFoldedApart() throws {
    let real = (0..<20).map { Self.line("/page\(word($0))") }
    let guesses = (0..<400).map { Self.line("/\(word($0)).php", status: 404) }
    let sums = try Self.sums([guesses, real], StatisticsPlan(groupings: [.path]))
    #expect(names(sums).count == 21 && names(sums)["/*"] == 400)
  }

  /// The same lines in other blocks are the same sums: blocks are added in the order of the log.
  @Test func seriesDoNotDependOnTheOrder() {
    var (one, other) = (TimeSeries(), TimeSeries())
    let moments: [UInt32] = [1_795_384_716, 1_795_384_717, 1_795_388_000, 1_795_300_000, 7]
    for moment in moments { one.add(moment) }
    for moment in moments.reversed() { other.add(moment) }
    #expect(one.level == other.level && one.first == other.first && one.counts == other.counts)
    #expect(one.counts.reduce(0, +) == 5 && one.counts.count <= 64)
    var (left, right) = (TimeSeries(), TimeSeries())
    for moment in moments.prefix(3) { left.add(moment) }
    for moment in moments.dropFirst(3) { right.add(moment) }
    left.merge(right)
    #expect(left.counts == one.counts && left.level == one.level)
    #expect(left.values(within: one, width: 8).reduce(0, +) == 5)
    #expect(left.values(within: one, width: 8).count <= 8)
  }

  @Test func intervals() throws {
    let lines = [0, 1, 299, 300, 3_599, 7_200].map { Self.line(second: $0, more: "") }
    let timeless = Self.line().replacing("\"time\"", with: "\"x\"")
    let sums = try Self.sums([lines + [timeless]], StatisticsPlan(interval: 300))
    let table = try #require(sums.intervals)
    #expect(table.all.map(\.row.requests) == [3, 1, 1, 1] && table.timeless == 1)
    #expect(table.all[1].start - table.all[0].start == 300)
    let many = (0..<3000).map { Self.line(second: $0) }
    let cut = try #require(try Self.sums([many], StatisticsPlan(interval: 1)).intervals)
    #expect(cut.all.count <= 2048 && cut.all.last?.row.requests == 1)
    #expect(cut.earlier.requests + UInt64(cut.all.count) == 3000)
  }

  /// Who is to blame that p99 is bad since this morning: the row with the largest share.
  @Test func changes() throws {
    let before = (0..<1000).map {
      Self.line($0 % 2 == 0 ? "/a" : "/b", duration: 0.001 + Double($0 % 100) / 1e5, second: $0)
    }
    let after = (0..<500).map { number in
      let isSlow = number % 10 == 1
      return Self.line(
        number % 2 == 0 ? "/a" : isSlow ? "/slow" : "/b", duration: isSlow ? 2 : 0.001,
        second: 7200 + number)
    }
    let reference: ClosedRange<UInt64> = 1_795_305_600_000_000...1_795_309_200_000_000
    let plan = StatisticsPlan(groupings: [.path], reference: reference)
    let sums = try Self.sums([before, after], plan)
    #expect(sums.total.requests == 500 && sums.reference.requests == 1000)
    let text = String(
      decoding: StatisticsText.render(sums, isColoured: false), as: UTF8.self)
    let rows = text.split(separator: "\n")
    let heading = rows.firstIndex { $0.hasPrefix("by path: slower than ") }
    let first = try #require(heading.map { rows[$0 + 2] })
    #expect(first.contains("/slow") && first.contains("+1"), "\(text)")
    let json = String(decoding: StatisticsJSON.render(sums), as: UTF8.self)
    #expect(json.contains(#""slow":{"before":"#) && json.contains(#""share_of_change":"#))
  }
}
