import Basics
import Testing

/// What `body` writes into `capacity` bytes, as text, and whether it overflowed.
private func written(
  capacity: Int = 100, _ body: (inout ByteWriter) -> Void
) -> (text: String, overflowed: Bool) {
  let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: capacity + 1)
  defer { memory.deallocate() }
  memory[capacity] = 0xAA
  var writer = ByteWriter(UnsafeMutableBufferPointer(rebasing: memory[..<capacity]))
  body(&writer)
  #expect(memory[capacity] == 0xAA, "wrote behind the end")
  return (String(decoding: writer.written, as: UTF8.self), writer.overflowed)
}

@Suite struct ByteWriterMemberTests {
  /// Numbers of one, of two to four, and of more digits are written in different ways.
  @Test func writesEveryNumber() {
    for number in Array(0...10_100) + [99_999_999, 100_000_000, .max] as [UInt64] {
      let plain = written { $0.append(decimal: number) }
      let member = written { $0.append("k:", decimal: number) }
      #expect(plain.text == "\(number)" && !plain.overflowed)
      #expect(member.text == "k:\(number)" && !member.overflowed)
    }
  }

  /// With any room there is, a member is written or the writer says that it is not.
  @Test func tellsWhenThereIsNoRoom() {
    let value = Array("value".utf8)
    let appends: [(String, (inout ByteWriter) -> Void)] = [
      ("key=7", { $0.append("key=", decimal: 7) }),
      ("key=789", { $0.append("key=", decimal: 789) }),
      ("key=78912", { $0.append("key=", decimal: 78_912) }),
      ("key=abc", { $0.append("key=", word: 0x63_6261, count: 3) }),
      ("key=value\"", { $0.append("key=", value.span, UInt8(ascii: "\"")) }),
    ]
    for (expected, append) in appends {
      for capacity in 1...20 {
        let result = written(capacity: capacity, append)
        #expect(result.overflowed == (capacity < expected.utf8.count))
        if !result.overflowed { #expect(result.text == expected) }
      }
    }
  }

  @Test func writesFieldsThatAreHeldInPlace() {
    let (name, text) = (Array("N".utf8), Array("v".utf8))
    var value = InlineBytes<32>()
    value.append(text.span)
    #expect(written { $0.appendField(name.span, &value) }.text == "N: v\r\n")
  }
}
