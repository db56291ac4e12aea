// Lines that are too long for their readers or for the queue: their longest values are cut, and
// marked. IDs are shorter than any limit.

import Basics
import HTTP

extension LogFormat {
  /// Writes the line of `record` as `write` does, but with values of at most `limit` bytes, as they
  /// are written. What was cut is marked: a JSON line by `"cut":true`, a value in a text by
  /// `...[cut]` at its end. `full` is memory for the whole line.
  public func write(
    _ record: inout ExchangeRecord, head: inout RequestHead,
    bytes: borrowing ExchangeBytes, cutTo limit: Int, full: inout ByteWriter,
    into writer: inout ByteWriter
  ) {
    guard kind == .json else {
      record.valueLimit = UInt32(clamping: limit)
      write(&record, head: &head, bytes: bytes, into: &writer)
      record.valueLimit = .max
      return
    }
    write(&record, head: &head, bytes: bytes, into: &full)
    if full.overflowed { return writer.overflow() }
    writer.appendJSONLine(full.span, cutTo: limit)
  }
}

extension ByteWriter {
  /// Cuts the value that was written from `start` on if it has more than `limit` bytes, or did not
  /// fit: neither within an escape nor within a character.
  public mutating func cutValue(from start: Int, to limit: Int, _ escape: LogEscape = .standard) {
    cutValue(from: start, to: limit, as: ValueForm(escape))
  }

  mutating func cutValue(from start: Int, to limit: Int, as form: ValueForm) {
    let mark: StaticString = "...[cut]"
    guard count - start > limit else { return }
    let room = max(0, limit - mark.utf8CodeUnitCount)
    let end = Self.boundary(in: span, from: start, to: start + room, as: form)
    truncate(to: end)
    append(mark)
  }

  /// Where the last character or escape ends that ends at `limit` or before.
  private static func boundary(
    in text: Span<UInt8>, from start: Int, to limit: Int, as form: ValueForm
  ) -> Int {
    var end = start
    while end < limit {
      let next = end + length(of: text, at: end, as: form)
      if next > limit { break }
      end = next
    }
    return end
  }

  /// How many bytes the character or escape at a place has.
  private static func length(of text: Span<UInt8>, at place: Int, as form: ValueForm) -> Int {
    let byte = text[place]
    if byte == UInt8(ascii: "\\") && form != .field {
      guard form == .json else { return 4 }
      return place + 1 < text.count && text[place + 1] == UInt8(ascii: "u") ? 6 : 2
    }
    return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
  }

  /// Appends a JSON object and its line end; strings in it of more than `limit` bytes are cut.
  mutating func appendJSONLine(_ line: Span<UInt8>, cutTo limit: Int) {
    var copied = 0
    var place = 0
    var isCut = false
    while place < line.count {
      guard line[place] == UInt8(ascii: "\"") else {
        place += 1
        continue
      }
      let start = place + 1
      place = start
      while place < line.count && line[place] != UInt8(ascii: "\"") {
        place += Self.length(of: line, at: place, as: .json)
      }
      if place - start > limit {
        let end = Self.boundary(in: line, from: start, to: start + limit, as: .json)
        append(line.extracting(copied..<end))
        copied = place
        isCut = true
      }
      place += 1
    }
    guard isCut else { return append(line) }
    append(line.extracting(copied..<line.count - 2))
    append(",\"cut\":true}\n")
  }
}
