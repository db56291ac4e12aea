import Basics
import HTTP

extension Template {
  /// Writes the text with the values of `record`, as a field value or a response's text: nothing is
  /// escaped, but controls other than HTAB in a value become spaces, so that no value ends a line.
  /// A variable that has no value is nothing.
  ///
  /// When the text does not fit, `writer.overflowed` is set.
  public func write(
    _ record: borrowing @_addressable ExchangeRecord, head: borrowing @_addressable RequestHead,
    bytes: borrowing ExchangeBytes, into writer: inout ByteWriter
  ) {
    write(record, head, bytes, as: .field, into: &writer)
  }

  /// Writes the text as part of a log line, values escaped as `escape` says. With `.standard` a
  /// variable that has no value is `-`, as in nginx.
  public func write(
    _ record: borrowing @_addressable ExchangeRecord, head: borrowing @_addressable RequestHead,
    bytes: borrowing ExchangeBytes, escape: LogEscape, into writer: inout ByteWriter
  ) {
    write(record, head, bytes, as: ValueForm(escape), into: &writer)
  }

  /// What `if=` asks: false when the text comes out empty or as `0`, as in nginx.
  ///
  /// The parameters are lent as those of `write` are; the language lets no closure see `borrowing` ones.
  public func isTrue(
    _ record: ExchangeRecord, head: RequestHead, bytes: ExchangeBytes
  ) -> Bool {
    // Safe: the writer does not leave the closure. Two bytes tell the answer, because a text that
    // overflows them is neither empty nor `0`.
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2) { memory in
      var writer = unsafe ByteWriter(memory)
      write(record, head, bytes, as: .field, into: &writer)
      if writer.overflowed { return true }
      return unsafe !(writer.count == 0 || writer.count == 1 && memory[0] == UInt8(ascii: "0"))
    }
  }

  func write(
    _ record: borrowing @_addressable ExchangeRecord, _ head: borrowing @_addressable RequestHead,
    _ bytes: borrowing ExchangeBytes, as form: ValueForm, into writer: inout ByteWriter
  ) {
    for index in parts.indices {
      let part = parts[index]
      if part.variable == .literal {
        writer.append(part.text.span)
      } else if !record.writeValue(part, head, bytes, as: form, into: &writer),
        form == .standard
      {
        writer.append(UInt8(ascii: "-"))
      }
    }
  }
}
