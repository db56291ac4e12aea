import LogReading
import Testing

@Suite struct EntryReaderTests {
  @Test func jsonLine() throws {
    let entry = try #require(parse(Lines.json))
    #expect(entry.status == 200 && entry.duration == 183)
    #expect(value(Lines.json, \.upstreamConnect) == "0.000073")
    #expect(value(Lines.json, \.upstreamFirstByte) == "0.000170")
    #expect(value(Lines.json, \.upstreamDuration) == "0.000182")
    #expect(!entry.isEvent)
    #expect(value(Lines.json, \.requestID) == "e62fbf04-db7d-4878-a78d-9aa6f94c31d5")
    #expect(value(Lines.json, \.uri) == "/a\\\"b")
    #expect(value(Lines.json, \.host) == "127.0.0.1:8080")
    #expect(value(Lines.json, \.upstream) == "127.0.0.1:8081")
    #expect(value(Lines.json, \.time) == "2026-11-22T23:49:17.240675Z")
  }

  @Test func textLines() throws {
    let verbose = try #require(parse(Lines.verbose))
    #expect(verbose.status == 502 && verbose.duration == 104)
    #expect(value(Lines.verbose, \.requestID) == "7455dac6")
    #expect(value(Lines.verbose, \.uri) == "/refused")
    #expect(value(Lines.verbose, \.error) == "connection_refused")
    #expect(value(Lines.verbose, \.upstream) == "127.0.0.1:18099")
    #expect(value(Lines.verbose, \.time) == "2026-11-22 23:49:18.411541")
    let simple = try #require(parse(Lines.simple))
    #expect(simple.status == 404 && simple.duration == 24)
    #expect(value(Lines.simple, \.requestID) == "305ae057")
    let combined = try #require(parse(Lines.combined))
    #expect(combined.status == 200 && combined.duration == AccessEntry.unknownTime)
    #expect(value(Lines.combined, \.requestID) == "35167a27")
    #expect(value(Lines.combined, \.uri) == "/echo?x=1")
    #expect(value(Lines.combined, \.client) == "127.0.0.1")
  }

  /// nginx's own combined has no ID.
  @Test func combinedWithoutID() throws {
    let line = String(Lines.combined.dropLast(" \"35167a27\"".count))
    #expect(try #require(parse(line)).status == 200)
    #expect(value(line, \.requestID) == "")
  }

  /// A client can put an arrow into its path, but not behind the one that Waybill writes.
  @Test func hostileMessage() {
    let line = Lines.verbose.replacing("/refused", with: "/a -> 200 1 bytes in 9.0 s")
    #expect(parse(line)?.status == 502 && parse(line)?.duration == 104)
  }

  /// A line cut anywhere is an entry of the right request or none, and never a crash.
  @Test(arguments: [Lines.json, Lines.retried, Lines.verbose, Lines.simple, Lines.combined])
  func cutAnywhere(line: String) {
    let bytes = Array(line.utf8)
    for count in 0..<bytes.count {
      let cut = Array(bytes[..<count])
      if line.hasPrefix("{") { #expect(parse(cut) == nil) }
      _ = parse(cut)
      _ = parse(Array(bytes[count...]))
    }
  }

  @Test(arguments: [
    "", "{", "{}", "{\"a\":1}", "plain text", "{\"level\":\"INFO\",\"msg\":\"from Django\"}",
    "{\"status\":\"200\"", "[1,2]", "{\"a\":[1,{\"status\":200}]}", "\"", "{\"", "{\"status\":",
    "A", "INFO", "INFO [", "INFO ]", "INFO x]", "ERROR 2026-11-22 23:49:18.411541 access [",
  ])
  func foreignLines(line: String) { #expect(parse(line) == nil) }

  @Test func membersInAnyOrderAndOthersBetween() throws {
    let line = "{\"x\":[{\"status\":1}], \"status\" : 201 ,\"y\":{\"a\":\"}\"},\"method\":\"PUT\"}"
    #expect(try #require(parse(line)).status == 201)
    #expect(value(line, \.method) == "PUT")
  }
}
