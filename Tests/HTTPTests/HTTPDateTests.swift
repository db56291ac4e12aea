import HTTP
import Testing

/// The dates of conditional requests.
struct HTTPDateTests {
  /// All three forms mean the same moment.
  @Test(
    arguments: [
      "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37", "X, 06 Nov 1994 08:49:37 UTC",
    ]) func forms(_ text: String)
  {
    #expect(Self.seconds(text) == 784_111_777)
  }

  /// What is no date has no moment, and nothing is read behind the text.
  @Test(
    arguments: [
      "", "x", "Sun, ", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:60 GMT",
      "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 29 Feb 1900 00:00:00 GMT", "Sun, 06 Nox 1994 08:49:37",
      "Sun, 06 Nov 94 08:49:37 GMT", "Sun Nov 6 08:49:37", "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 08:49", "Sun, 06-Nov-1994 08:49:37 GMT",
    ]) func refused(_ text: String)
  {
    #expect(Self.seconds(text) == nil)
  }

  /// What is written is read back.
  @Test func roundTrip() {
    for second in stride(from: UInt64(0), to: 8_000_000_000, by: 86_399 * 17) {
      let text = written { IMFDate.write(secondsSince1970: second, into: &$0) }
      #expect(Self.seconds(text) == Int64(second), "\(text)")
    }
  }

  private static func seconds(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    return HTTPDate.seconds(bytes.span)
  }

}
