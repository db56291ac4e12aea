import Basics
import Testing

/// What `body` writes into `capacity` bytes, as text, and whether it overflowed.
private func written(
  capacity: Int, _ body: (inout ByteWriter) -> Void
) -> (text: String, overflowed: Bool) {
  let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: capacity + 1)
  defer { memory.deallocate() }
  memory[capacity] = 0xAA
  var writer = ByteWriter(UnsafeMutableBufferPointer(rebasing: memory[..<capacity]))
  body(&writer)
  #expect(memory[capacity] == 0xAA, "wrote behind the end")
  #expect(writer.count + writer.remaining == writer.capacity)
  let readBack = (0..<writer.count).map { writer.span[$0] }
  #expect(Array(writer.written) == readBack)
  return (String(decoding: writer.written, as: UTF8.self), writer.overflowed)
}

@Suite struct ByteWriterTests {
  private let text = Array("abc".utf8)

  /// Each way to append writes its bytes into just enough room, and nothing into one byte less.
  @Test func writesAllOrNothing() {
    let appends: [(String, (inout ByteWriter) -> Void)] = [
      ("x", { $0.append(UInt8(ascii: "x")) }), ("abc", { $0.append(text.span) }),
      ("bc", { $0.append(text.span, ByteRange(start: 1, count: 2)) }),
      ("literal", { $0.append("literal") }),
      ("0", { $0.append(decimal: 0) }), ("18446744073709551615", { $0.append(decimal: .max) }),
      ("007", { $0.append(decimal: 7, width: 3) }),
      ("1234", { $0.append(decimal: 1_234, width: 3) }),
      ("0", { $0.append(hexadecimal: 0) }), ("ff", { $0.append(hexadecimal: 255) }),
      ("1000", { $0.append(hexadecimal: 4_096) }),
      ("ffffffffffffffff", { $0.append(hexadecimal: .max) }),
      ("N: v\r\n", { $0.appendField("N", "v") }),
      ("N: abc\r\n", { $0.appendField("N", text.span) }),
      ("abc: abc\r\n", { $0.appendField(text.span, text.span) }),
      ("abc: \r\n", { $0.appendField(text.span, [UInt8]().span) }),
    ]
    for (expected, append) in appends {
      let exact = written(capacity: expected.utf8.count, append)
      #expect(exact.text == expected && !exact.overflowed)
      let less = written(capacity: expected.utf8.count - 1, append)
      #expect(less.text.isEmpty && less.overflowed)
    }
  }

  @Test func appendsNothing() {
    let result = written(capacity: 0) { writer in
      writer.append([UInt8]().span)
      writer.append("")
    }
    #expect(result.text.isEmpty && !result.overflowed)
  }

  @Test func copiesEveryLength() {
    for count in 0...100 {
      let bytes = (0..<count).map { UInt8($0 + 32) }
      let result = written(capacity: 200) { writer in
        writer.append("x")
        writer.append(bytes.span)
        writer.append("y")
      }
      #expect(result.text == "x" + String(decoding: bytes, as: UTF8.self) + "y")
    }
  }

  @Test func goesBack() {
    let result = written(capacity: 4) { writer in
      writer.append("abc")
      let mark = writer.count
      writer.append("too long")
      #expect(writer.overflowed)
      writer.truncate(to: mark)
      #expect(!writer.overflowed)
      writer.append("d")
    }
    #expect(result.text == "abcd" && !result.overflowed)
  }

  @Test func keepsOverflowInMind() {
    let result = written(capacity: 2) { writer in
      writer.append("abc")
      writer.append("d")
    }
    #expect(result.text == "d" && result.overflowed)
  }
}

@Suite struct InlineBytesTests {
  @Test func takesWhatFits() {
    var bytes = InlineBytes<4>()
    let (three, none, two) = (Array("abc".utf8), [UInt8](), Array("de".utf8))
    #expect(text(bytes).isEmpty)
    bytes.append(three.span)
    bytes.append(none.span)
    bytes.append(two.span)
    bytes.append(UInt8(ascii: "f"))
    #expect(text(bytes) == "abcd")
    let (short, longer) = (Array("xy".utf8), Array("longer".utf8))
    bytes.assign(short.span)
    #expect(text(bytes) == "xy")
    bytes.append(UInt8(ascii: "z"))
    #expect(text(bytes) == "xyz")
    bytes.assign(longer.span)
    #expect(text(bytes) == "long")
    bytes.removeAll()
    let isEmpty = bytes.isEmpty
    #expect(isEmpty)
  }

  @Test func takesOverAnothersBytes() {
    let (one, two) = (Array("one".utf8), Array("two".utf8))
    var first = InlineBytes<32>()
    var second = InlineBytes<32>()
    first.assign(one.span)
    second.assign(first)
    first.assign(two.span)
    #expect(text(first) == "two" && text(second) == "one")
    let equal = [one, two, [], Array("on".utf8)].map { second.equals($0.span) }
    #expect(equal == [true, false, false, false])
  }

  private func text<let capacity: Int>(_ bytes: borrowing InlineBytes<capacity>) -> String {
    String(decoding: bytes.span.indices.map { bytes.span[$0] }, as: UTF8.self)
  }
}
