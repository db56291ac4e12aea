import Basics
import Testing

@Suite struct ByteCountTests {
  private func parsed(_ text: String) -> UInt64? {
    let bytes = Array(text.utf8)
    return ByteCount.parse(bytes.span)
  }

  @Test func units() {
    #expect(parsed("0") == 0 && parsed("007") == 7 && parsed("123456") == 123_456)
    #expect(parsed("4k") == 4096 && parsed("4K") == 4096)
    #expect(parsed("2m") == 2_097_152 && parsed("2M") == 2_097_152)
  }

  @Test func anythingElseIsNone() {
    for text in [
      "", "k", "m", "1g", "-1", "+1", "1 k", "1kk", " 1", "1.5k", "0x1", "9999999999999999999",
    ] {
      #expect(parsed(text) == nil, "\(text)")
    }
    #expect(parsed("99999999999999999m") == nil)
  }
}
