import LogReading
import Testing

@Suite struct StatisticsTests {
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
    histogram.add(.max)
    #expect(histogram.maximum == .max)
  }

  /// Paths are the clients' choice: they may not fill the memory.
  @Test func groupsBeyondTheLimitAreCountedTogether() throws {
    var one = LogStatistics(grouping: .path)
    var other = LogStatistics(grouping: .path)
    for number in 0..<5000 {
      let line = Lines.combined.replacing("GET /", with: "GET /\(number)x")
      let bytes = Array(line.utf8)
      let entry = try #require(parse(line))
      if number < 4500 { one.add(entry, bytes.span) } else { other.add(entry, bytes.span) }
    }
    let groups = try #require(one.groups)
    #expect(groups.all.count == 4096 && groups.others.requests == 404)
    one.merge(other)
    #expect(try #require(one.groups).others.requests == 904)
    #expect(one.requests == 5000)
  }

  @Test func sumsOverLines() throws {
    var one = LogStatistics(grouping: .path)
    var other = LogStatistics(grouping: .path)
    for line in [Lines.json, Lines.retried, Lines.combined] {
      let bytes = Array(line.utf8)
      one.add(try #require(parse(line)), bytes.span)
    }
    let bytes = Array(Lines.verbose.utf8)
    other.add(try #require(parse(Lines.verbose)), bytes.span)
    one.merge(other)
    #expect(one.requests == 4 && one.failed == 2)
    #expect(one.classes[2] == 2 && one.classes[5] == 2)
    #expect(one.durations.count == 3 && one.durations.maximum == 2000)
    #expect(one.slowest.map(\.duration) == [2000, 183, 104])
    let failures = one.failures.map { String(decoding: $0.id, as: UTF8.self) }
    #expect(failures == ["two-tries", "7455dac6"])
    let groups = try #require(one.groups).all.map { String(decoding: $0.name, as: UTF8.self) }
    #expect(Set(groups) == ["/", "/a\"b", "/echo", "/refused"])
  }
}
