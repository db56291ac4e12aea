import Basics
import LogReading
import Testing

@Suite struct EntryReaderTests {
  @Test func jsonLine() throws {
    let json = try #require(entry(Lines.json))
    #expect(json.status == 200 && json.duration == 183)
    #expect(value(Lines.json) { $0.upstreamConnect.offsets } == "0.000073")
    #expect(value(Lines.json) { $0.upstreamFirstByte.offsets } == "0.000170")
    #expect(value(Lines.json) { $0.upstreamDuration.offsets } == "0.000182")
    #expect(!json.isEvent)
    #expect(value(Lines.json) { $0.requestID.offsets } == "e62fbf04-db7d-4878-a78d-9aa6f94c31d5")
    #expect(value(Lines.json) { $0.uri.offsets } == "/a\\\"b")
    #expect(value(Lines.json) { $0.host.offsets } == "127.0.0.1:8080")
    #expect(value(Lines.json) { $0.upstream.offsets } == "127.0.0.1:8081")
    #expect(value(Lines.json) { $0.time.offsets } == "2026-11-22T23:49:17.240675Z")
  }

  @Test func textLines() throws {
    let verbose = try #require(entry(Lines.verbose))
    #expect(verbose.status == 502 && verbose.duration == 104)
    #expect(value(Lines.verbose) { $0.requestID.offsets } == "7455dac6")
    #expect(value(Lines.verbose) { $0.uri.offsets } == "/refused")
    #expect(value(Lines.verbose) { $0.error.offsets } == "connection_refused")
    #expect(value(Lines.verbose) { $0.upstream.offsets } == "127.0.0.1:18099")
    #expect(value(Lines.verbose) { $0.time.offsets } == "2026-11-22 23:49:18.411541")
    let simple = try #require(entry(Lines.simple))
    #expect(simple.status == 404 && simple.duration == 24)
    #expect(value(Lines.simple) { $0.requestID.offsets } == "305ae057")
    let combined = try #require(entry(Lines.combined))
    #expect(combined.status == 200 && combined.duration == AccessEntry.unknownTime)
    #expect(value(Lines.combined) { $0.requestID.offsets } == "35167a27")
    #expect(value(Lines.combined) { $0.uri.offsets } == "/echo?x=1")
    #expect(value(Lines.combined) { $0.client.offsets } == "127.0.0.1")
  }

  /// nginx's own combined has no ID.
  @Test func combinedWithoutID() throws {
    let line = String(Lines.combined.dropLast(" \"35167a27\"".count))
    #expect(try #require(entry(line)).status == 200)
    #expect(value(line) { $0.requestID.offsets } == "")
  }

  /// A client can put an arrow into its path, but not behind the one that Waybill writes.
  @Test func hostileMessage() {
    let line = Lines.verbose.replacing("/refused", with: "/a -> 200 1 bytes in 9.0 s")
    #expect(entry(line)?.status == 502 && entry(line)?.duration == 104)
  }

  /// A line cut anywhere is an entry of the right request or none, and never a crash.
  @Test(arguments: [Lines.json, Lines.retried, Lines.verbose, Lines.simple, Lines.combined])
  func cutAnywhere(line: String) {
    let bytes = Array(line.utf8)
    for count in 0..<bytes.count {
      let cut = Array(bytes[..<count])
      if line.hasPrefix("{") { #expect(EntryReader().entry(cut.span) == nil) }
      _ = EntryReader().entry(cut.span)
      _ = EntryReader().entry(Array(bytes[count...]).span)
    }
  }

  @Test(arguments: [
    "", "{", "{}", "{\"a\":1}", "plain text", "{\"level\":\"INFO\",\"msg\":\"from Django\"}",
    "{\"status\":\"200\"", "[1,2]", "{\"a\":[1,{\"status\":200}]}", "\"", "{\"", "{\"status\":",
    "A", "INFO", "INFO [", "INFO ]", "INFO x]", "ERROR 2026-11-22 23:49:18.411541 access [",
  ])
  func foreignLines(line: String) { #expect(entry(line) == nil) }

  @Test func membersInAnyOrderAndOthersBetween() throws {
    let line = "{\"x\":[{\"status\":1}], \"status\" : 201 ,\"y\":{\"a\":\"}\"},\"method\":\"PUT\"}"
    #expect(try #require(entry(line)).status == 201)
    #expect(value(line) { $0.method.offsets } == "PUT")
  }
}
