import Properties
import Testing

/// The judge must be strict itself, or the tests that rely on it prove nothing.
@Suite struct StrictJSONTests {
  @Test(arguments: [
    "", "{", "{}x", "{\"a\":}", "{\"a\":1,}", "{,}", "[1,]", "01", "1.", "-", "\"\u{1}\"",
    "\"\\x41\"",
    "\"\\u12\"", "\"\\u12G4\"", "\"a", "{\"a\":1,\"a\":2}", "{\"a\" 1}", "nul", "{\"a\":1}\n",
    "\"\\ud800\"",
  ])
  func refuses(_ text: String) {
    #expect(throws: StrictJSON.Malformed.self) { try StrictJSON.parse(Array(text.utf8)) }
  }

  @Test func refusesWhatIsNotUTF8() {
    #expect(throws: StrictJSON.Malformed.self) { try StrictJSON.parse([0x22, 0xff, 0x22]) }
  }

  @Test func readsWhatIsValid() throws {
    let value = try StrictJSON.parse(
      Array(#"{"a":[1,-2.50,true],"b":"\u00e9\"\\é","c":{}}"#.utf8))
    #expect(value["a"] == .array([.number("1"), .number("-2.50"), .literal("true")]))
    #expect(value["b"] == .string("é\"\\é"))
    #expect(value["c"] == .object([]))
  }
}
