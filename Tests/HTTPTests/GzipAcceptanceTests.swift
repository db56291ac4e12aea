import HTTP
import Testing

/// Accept-Encoding, asked about gzip.
struct GzipAcceptanceTests {
  @Test(
    arguments: [
      ("gzip", true), ("br, gzip", true), ("GZIP;q=0.5", true), ("gzip ; q=1", true),
      ("gzip;q=0", false), ("gzip;q=0.000", false), ("gzip;q=0.001", true), ("x-gzip", false),
      ("gzipx", false), ("*", false), ("", false), ("deflate,", false), ("gzip;", true),
    ])
  func field(_ value: String, _ expected: Bool) {
    let bytes = Array(value.utf8)
    let accepts = GzipAcceptance.accepts(bytes.span)
    #expect(accepts == expected)
  }
}
