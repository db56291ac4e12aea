import LogReading
import Testing

/// Lines of which `waybill requests` and `waybill errors` show a part.
@Suite struct LineMembersTests {
  private func members(_ line: String) -> LineMembers? { LineMembers(Array(line.utf8)) }

  @Test func eachKindIsReadAsItself() throws {
    let line = #"{"id":"a-1","n":42,"d":0.001500,"neg":-1,"list":[1.5,2],"ok":true,"none":[]}"#
    let found = try #require(members(line))
    #expect(String(decoding: found.line, as: UTF8.self) == line)
    #expect(found.contains("id") && found.contains("ok") && !found.contains("other"))
    #expect(found.text("id") == "a-1" && found.text("n") == "" && found.text("other") == "")
    #expect(found.number("n") == 42)
    #expect(found.number("d") == nil && found.number("id") == nil && found.number("other") == nil)
    #expect(found.microseconds("d") == 1500 && found.microseconds("n") == 42_000_000)
    #expect(found.microseconds("neg") == nil && found.microseconds("id") == nil)
    #expect(found.microseconds("ok") == nil)
    #expect(found.words("list") == ["1.5", "2"])
    #expect(found.words("none").isEmpty && found.words("id").isEmpty)
  }

  @Test func arraysOfObjects() throws {
    let line = #"{"tries":[{"upstream":"a:1","status":502},{"upstream":"b:2"}],"x":"y"}"#
    let tries = try #require(members(line)).objects("tries")
    #expect(tries.map { $0.text("upstream") } == ["a:1", "b:2"])
    #expect(tries.map { $0.number("status") } == [502, nil])
    #expect(try #require(members(line)).objects("x").isEmpty)
  }

  /// Bytes that are no UTF-8 come as `\u00HH`, and are bytes again.
  @Test(
    arguments: [
      (#"a\"b\\c\/d"#, Array(#"a"b\c/d"#.utf8)),
      (#"1\n2\r3\t4"#, Array("1\n2\r3\t4".utf8)),
      (#"\u00ff\u0041"#, [0xFF, 0x41]),
      (#"\u20ac"#, Array("€".utf8)),
      (#"\ud800"#, Array("\u{FFFD}".utf8)),
      (#"\uZZZZ"#, Array("uZZZZ".utf8)),
      ("ü", Array("ü".utf8)),
    ] as [(String, [UInt8])])
  func stringsAreWhatTheyWere(escaped: String, bytes: [UInt8]) throws {
    #expect(try #require(members(#"{"s":"\#(escaped)"}"#)).bytes("s") == bytes)
  }

  @Test(arguments: ["", "text", "[1]", "{", #"{"a":"#, #"{"a":"b"#, #"{"a" 1}"#])
  func otherLinesAreNone(line: String) { #expect(members(line) == nil) }
}
