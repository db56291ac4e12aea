import Basics
import HTTP
import Testing

/// The host of what `proxy_ssl_name` comes to.
@Suite struct HostPartTests {
  @Test(arguments: [
    ("backend", "backend"), ("backend:123", "backend"), ("backend:", "backend"),
    ("a.example.", "a.example"), ("a.example.:443", "a.example"), ("192.0.2.1:80", "192.0.2.1"),
    ("[::1]", "::1"), ("[::1]:443", "::1"), ("::1", "::1"), ("[::1", "[::1"), ("", ""),
    (":80", ""), (".", "."),
  ])
  func find(_ text: String, _ host: String) {
    let bytes = Array(text.utf8)
    let range = HostPart.find(in: bytes.span)
    #expect(String(decoding: bytes[range.offsets], as: UTF8.self) == host)
  }
}
