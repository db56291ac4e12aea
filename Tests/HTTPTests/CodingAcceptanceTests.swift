import HTTP
import Testing

/// Accept-Encoding, asked about one coding: what nginx answers.
struct CodingAcceptanceTests {
  @Test(
    arguments: [
      ("gzip", true), ("br, gzip", true), ("GZIP;q=0.5", true), ("gzip ; q=1", true),
      ("gzip;q=0", false), ("gzip;q=0.000", false), ("gzip;q=0.001", true), ("x-gzip", false),
      ("gzipx", false), ("*", false), ("", false), ("deflate,", false), ("gzip;", true),
      ("gzip; q=0.0", false), ("gzip;q=0.0001", false), ("gzip;q=1.001", false),
      ("gzip;q=2", false), ("gzip;q=", false), ("gzip;x=1", false), ("gzip;q=1.000, br", true),
      ("gzip;q=0, gzip", false), ("deflate gzip", true), ("gzipx, gzip", true),
    ])
  func gzip(_ value: String, _ expected: Bool) {
    let bytes = Array(value.utf8)
    let accepts = CodingAcceptance.accepts(bytes.span, "gzip")
    #expect(accepts == expected)
  }

  @Test(
    arguments: [
      ("br", true), ("gzip, br", true), ("Br;q=0.1", true), ("br;q=0", false), ("brotli", false),
      ("b", false), ("abr", false), ("gzip", false),
    ])
  func brotli(_ value: String, _ expected: Bool) {
    let bytes = Array(value.utf8)
    let accepts = CodingAcceptance.accepts(bytes.span, "br")
    #expect(accepts == expected)
  }
}
