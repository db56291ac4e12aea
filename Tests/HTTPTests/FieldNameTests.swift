import HTTP
import Testing

@Suite struct FieldNameTests {
  @Test(arguments: FieldName.allCases)
  func knowsItsNamesInAnyCase(name: FieldName) {
    let text = "\(name.canonicalName)"
    #expect(text.isEmpty == (name == .other))
    guard name != .other else { return }
    for spelling in [text, text.lowercased(), text.uppercased()] {
      #expect(FieldName(spelling.octets) == name)
    }
  }

  /// A name that differs in any one byte, or is cut or longer, is another name.
  @Test(arguments: FieldName.allCases)
  func knowsNoOtherNames(name: FieldName) {
    let bytes = "\(name.canonicalName)".octets
    for index in bytes.indices {
      for change: UInt8 in [0x20, 0x01, 0x80] {
        var changed = bytes
        changed[index] ^= change
        let letter = change == 0x20 && bytes[index] | 0x20 >= 0x61 && bytes[index] | 0x20 <= 0x7A
        #expect(FieldName(changed) == (letter ? name : .other))
      }
    }
    #expect(FieldName((bytes + [0x61])) == .other)
    #expect(FieldName(bytes.dropLast().map(\.self)) == .other)
  }

  @Test(arguments: ["", "X", "Accept-Charset", "X-Request-ID", "Sec-Fetch-Dest", "If-Match"])
  func leavesOthers(text: String) {
    #expect(FieldName(text.octets) == .other)
  }

  @Test func tellsHopByHopFields() {
    let expected: Set<FieldName> = [
      .connection, .http2Settings, .keepAlive, .proxyConnection, .te, .transferEncoding, .upgrade,
    ]
    #expect(Set(FieldName.allCases.filter(\.isHopByHop)) == expected)
  }
}

@Suite struct FieldNameMatchTests {
  @Test(arguments: [
    ("", "", true), ("a", "A", true), ("te", "TE", true), ("ab", "ac", false),
    ("host", "HOST", true), ("hos", "host", false), ("x-real-ip", "X-REAL-IP", true),
    ("content-length", "Content-Length", true), ("content-length", "content_length", false),
    ("access-control-allow-origin", "Access-Control-Allow-Origin", true),
    ("access-control-allow-origin", "Access-Control-Allow-Origim", false),
    ("@bcd", "`bcd", false), ("[bcdefgh", "{bcdefgh", false), ("a\r", "a-", false),
    ("x\u{C1}bcdefg", "x\u{E1}bcdefg", false), ("x\u{C1}bc", "x\u{E1}bc", false),
  ])
  func comparesIgnoringCase(left: String, right: String, isEqual: Bool) {
    let leftBytes = left.octets
    let rightBytes = right.octets
    #expect(equalIgnoringCase(leftBytes, rightBytes) == isEqual)
    #expect(equalIgnoringCase(rightBytes, leftBytes) == isEqual)
  }

  @Test func comparesWithALiteral() {
    for (name, isEqual) in [("Keep-ALIVE", true), ("keep-alivf", false), ("keep-aliv", false)] {
      let result = FieldNameMatch.equalIgnoringCase(name.octets.span, "keep-alive")
      #expect(result == isEqual)
    }
  }

  /// All pairs of bytes, against the plain definition.
  @Test func comparesEveryPairOfBytes() {
    for left in UInt8.min...UInt8.max {
      for right in UInt8.min...UInt8.max {
        let isEqual = lowercase(left) == lowercase(right)
        let leftBytes = [left, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67]
        let rightBytes = [right, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67]
        guard equalIgnoringCase(leftBytes, rightBytes) != isEqual else {
          continue
        }
        Issue.record("\(left) and \(right)")
      }
    }
  }

  private func lowercase(_ byte: UInt8) -> UInt8 {
    byte >= 0x41 && byte <= 0x5A ? byte + 32 : byte
  }

  @Test(arguments: [
    ("X-Request-ID", "x_request_id", true), ("X-Request-ID", "X.Request:ID", true),
    ("X-Request-ID", "XRequestID", false), ("X-Request-ID", "X-Request-ID2", false),
    ("X-1", "X-2", false), ("X-1", "X--", false), ("a", "A", true), ("", "", true),
  ])
  func foldsAsBackendsDo(left: String, right: String, folds: Bool) {
    #expect(foldsAlike(left, right) == folds)
  }
}
