import Basics
import HTTP

extension Template {
  /// Writes the text with the values of `record`, as a field value or a response's text: nothing is
  /// escaped, but controls other than HTAB in a value become spaces, so that no value ends a line.
  /// A variable that has no value is nothing.
  ///
  /// When the text does not fit, `writer.overflowed` is set.
  public func write(
    _ record: borrowing ExchangeRecord, head: borrowing RequestHead,
    bytes: borrowing ExchangeBytes, into writer: inout ByteWriter
  ) {
    write(record, head, bytes, as: .field, into: &writer)
  }

  /// The same. Record and head are `inout` to be read in place.
  public func write(
    of record: inout ExchangeRecord, head: inout RequestHead,
    bytes: borrowing ExchangeBytes, into writer: inout ByteWriter
  ) {
    write(record, head, bytes, as: .field, into: &writer)
  }

  /// Writes the text with all values as they are, for what is compared, looked up or kept. With
  /// `encodesGroups` numbered groups are percent-encoded, as nginx does in the query or the
  /// redirect of a `rewrite`. The record is `inout` to be read in place.
  public func writeRaw(
    _ record: inout ExchangeRecord, head: borrowing RequestHead,
    bytes: borrowing ExchangeBytes, encodesGroups: Bool = false, into writer: inout ByteWriter
  ) {
    write(record, head, bytes, as: encodesGroups ? .rewritten : .raw, into: &writer)
  }

  /// Writes the text as part of a log line, values escaped as `escape` says. With `.standard` a
  /// variable that has no value is `-`, as in nginx.
  public func write(
    _ record: borrowing ExchangeRecord, head: borrowing RequestHead,
    bytes: borrowing ExchangeBytes, escape: LogEscape, into writer: inout ByteWriter
  ) {
    write(record, head, bytes, as: ValueForm(escape), into: &writer)
  }

  /// Writes the text as a key that requests are told apart by: nothing is escaped.
  public func writeKey(
    _ record: borrowing ExchangeRecord, head: borrowing RequestHead,
    bytes: borrowing ExchangeBytes, into writer: inout ByteWriter
  ) {
    write(record, head, bytes, as: .raw, into: &writer)
  }

  /// What `if=` asks: false when the text comes out empty or as `0`, as in nginx.
  ///
  /// `scratch` must have room for two bytes, which tell the answer (a text that does not fit is
  /// neither empty nor `0`); afterwards it holds what it held before.
  public func isTrue(
    _ record: borrowing ExchangeRecord, head: borrowing RequestHead,
    bytes: borrowing ExchangeBytes, scratch: inout ByteWriter
  ) -> Bool {
    let start = scratch.count
    write(record, head: head, bytes: bytes, into: &scratch)
    let count = scratch.count - start
    let isFalse =
      !scratch.overflowed
      && (count == 0 || (count == 1 && scratch.span[start] == UInt8(ascii: "0")))
    scratch.truncate(to: start)
    return !isFalse
  }

  func write(
    _ record: borrowing ExchangeRecord, _ head: borrowing RequestHead,
    _ bytes: borrowing ExchangeBytes, as form: ValueForm, into writer: inout ByteWriter
  ) {
    for index in parts.indices {
      let part = parts[index]
      if part.variable == .literal {
        writer.append(part.text.span)
        continue
      }
      let start = writer.count
      if !record.writeValue(part, head, bytes, as: form, into: &writer),
        form == .standard
      {
        writer.append(UInt8(ascii: "-"))
      }
      if record.valueLimit != .max {
        writer.cutValue(from: start, to: Int(record.valueLimit), as: form)
      }
    }
  }
}
