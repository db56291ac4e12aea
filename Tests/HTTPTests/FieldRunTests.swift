import Basics
import HTTP
import Testing

@Suite struct FieldRunTests {
  /// Lines come out as `name: value`, whatever stood between them and around their values.
  @Test(arguments: [
    ("A: 1\r\nB: 2\r\n", "", "A: 1\r\nB: 2\r\n"),
    ("A: 1\r\nB: 2\r\nC: 3\r\n", "B", "A: 1\r\nC: 3\r\n"),
    ("A:1\r\nB: 2\r\n", "", "A: 1\r\nB: 2\r\n"),
    ("A: 1\r\nB:\t2\r\nC: 3\r\n", "", "A: 1\r\nB: 2\r\nC: 3\r\n"),
    ("A: 1 \r\nB:  2\r\nC: 3\t\r\n", "", "A: 1\r\nB: 2\r\nC: 3\r\n"),
    ("A: \r\nB:\r\nC: 3\r\n", "", "A: \r\nB: \r\nC: 3\r\n"),
    ("A: 1\r\n", "A", ""), ("", "", ""),
  ])
  func writesLinesAnew(fields: String, dropped: String, expected: String) throws {
    var head = RequestHead()
    let bytes = "GET / HTTP/1.0\r\n\(fields)\r\n".octets
    #expect(try head.parse(bytes))
    let text = written { writer in
      var run = FieldRun()
      for index in 0..<head.fields.count {
        let line = head.fields[index]
        if line.name.text(in: bytes) == dropped { continue }
        run.add(line, of: bytes.span, into: &writer)
      }
      run.flush(bytes.span, into: &writer)
    }
    #expect(text == expected)
  }

  @Test func findsLinesByTheLengthOfTheirNames() throws {
    var head = RequestHead()
    #expect(try head.parse("GET / HTTP/1.0\r\nVia: 1\r\nHost: a\r\nXyz: 2\r\n\r\n".octets))
    #expect(head.fields.firstIndex(ofNameCount: 3) == 0)
    #expect(head.fields.firstIndex(ofNameCount: 3, from: 1) == 2)
    #expect(head.fields.firstIndex(ofNameCount: 3, from: 3) == nil)
    #expect(head.fields.firstIndex(ofNameCount: 5) == nil)
  }

  /// Searching many bytes at once misses none: a wrong byte at any place of a name or value is
  /// found, and no other byte is taken for one.
  @Test(arguments: [3, 15, 16, 17, 31, 33, 50])
  func findsWrongBytesAnywhere(count: Int) {
    for place in 0..<count {
      for byte: UInt8 in [0x00, 0x1f, 0x7f, 0x09, 0x20, 0x80, 0xff, 0x21] {
        var value = [UInt8](repeating: 0x61, count: count)
        value[place] = byte
        let isWrong = byte < 0x09 || byte == 0x1f || byte == 0x7f
        let inValue = "GET / HTTP/1.0\r\nName: ".octets + value + "z\r\n\r\n".octets
        let outcome = requestOutcome(inValue, ends: [inValue.count])
        #expect(outcome.error == (isWrong ? .invalidFieldValue : nil))
        let inName = "GET / HTTP/1.0\r\nn".octets + value + ": v\r\n\r\n".octets
        let named = requestOutcome(inName, ends: [inName.count])
        #expect((named.error == nil) == (byte == 0x21))
      }
    }
  }

  @Test func writesEveryOctet() throws {
    for octet in 0...255 {
      let text = "\(octet).\(octet).\(octet).\(octet)"
      let address = try #require(PeerAddress(text))
      let result = written { address.write(into: &$0) }
      #expect(result == text)
    }
  }
}
