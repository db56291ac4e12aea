// `$upstream_http_NAME` and `$sent_http_NAME`: values of response fields that templates ask for,
// kept because the head is gone when the log line is written. `add_header` sees the backend's, and
// those that stand in the head before it.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Keeps what templates ask for of the backend's fields; what was kept of an earlier head goes.
  /// Until a head for the client is composed, what the backend sends is what will be sent.
  mutating func captureUpstreamFields(_ exchange: ExchangePointer, _ bytes: Span<UInt8>) {
    exchange.pointee.capturedCount = 0
    captureFields(exchange, bytes, ofUpstream: true)
    exchange.pointee.capturedUpstreamCount = exchange.pointee.capturedCount
    captureFields(exchange, bytes, ofUpstream: false)
  }

  /// Forgets what was kept of a response: another backend is asked.
  mutating func dropUpstreamFields(_ exchange: ExchangePointer) {
    let wanted = tables.capturedFields
    for slot in wanted.indices { exchange.pointee.record.captures[slot] = .empty }
    exchange.pointee.capturedCount = 0
    exchange.pointee.capturedUpstreamCount = 0
  }

  private mutating func captureFields(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, ofUpstream isUpstream: Bool
  ) {
    let wanted = tables.capturedFields
    for slot in wanted.indices where wanted[slot].isUpstream == isUpstream {
      exchange.pointee.record.captures[slot] = .empty
      for index in 0..<exchange.pointee.responseHead.fields.count {
        let line = exchange.pointee.responseHead.fields[index]
        let name = bytes.extracting(line.name.offsets)
        let value = bytes.extracting(line.value.offsets)
        if wanted[slot].isCookie {
          guard FieldNameMatch.equalIgnoringCase(name, "Set-Cookie"),
            let cookie = wanted[slot].cookieValue(in: value)
          else { continue }
          capture(exchange, slot: slot, value.extracting(cookie))
          break
        }
        guard wanted[slot].isNamed(name) else { continue }
        capture(exchange, slot: slot, value)
      }
    }
  }

  /// Keeps what templates ask for of a head that goes to the client, as far as it is composed.
  mutating func captureSentFields(_ exchange: ExchangePointer, _ head: HeadWriter) {
    let wanted = tables.capturedFields
    guard !wanted.isEmpty else { return }
    exchange.pointee.capturedCount = exchange.pointee.capturedUpstreamCount
    let bytes = head.lines.written.span
    for slot in wanted.indices where !wanted[slot].isUpstream {
      exchange.pointee.record.captures[slot] = .empty
      let nameCount = wanted[slot].name.count
      var lineStart = 0
      for index in bytes.indices where bytes[index] == 0x0a {
        let line = bytes.extracting(lineStart..<max(lineStart, index - 1))
        lineStart = index + 1
        guard line.count >= nameCount + 2, line[nameCount] == 0x3a,
          wanted[slot].isNamed(line.extracting(0..<nameCount))
        else { continue }
        capture(exchange, slot: slot, line.extracting(nameCount + 2..<line.count))
      }
    }
  }

  /// Keeps one value, as far as there is room, behind those of the same name.
  private mutating func capture(_ exchange: ExchangePointer, slot: Int, _ value: Span<UInt8>) {
    precondition(slot < tables.capturedFields.count, "capture: no such field")
    if exchange.pointee.capturedBuffer.isNone {
      exchange.pointee.capturedBuffer = buffers.take(.small)
    }
    exchange.pointee.record.hasCaptures = true
    let kept = exchange.pointee.record.captures[slot]
    let end = Int(exchange.pointee.capturedCount)
    let buffer = exchange.pointee.capturedBuffer.bytes
    let limit = Limits.capturedBytes
    var writer = ByteWriter(UnsafeMutableBufferPointer(rebasing: buffer[end..<limit]))
    if !kept.isEmpty { writer.append(", ") }
    if writer.remaining < value.count { reportCut(exchange) }
    writer.append(value.extracting(first: max(0, writer.remaining)))
    let start = kept.isEmpty ? end : Int(kept.start)
    let newEnd = end + writer.count
    guard newEnd > start else { return }
    exchange.pointee.record.captures[slot] = ByteRange(start: start, count: newEnd - start)
    exchange.pointee.capturedCount = UInt32(newEnd)
  }
}

extension Worker where K: ~Copyable {
  @inline(never) private mutating func reportCut(_ exchange: ExchangePointer) {
    report(.error, "response", exchange, exchange.pointee.downstream) { line in
      line.append("the fields that variables ask for have more than ")
      line.append(decimal: UInt64(Limits.capturedBytes))
      line.append(" bytes in all: a value is cut")
    }
  }
}

extension CapturedField {
  /// Where the value lies in a Set-Cookie field, when that sets the cookie.
  fileprivate func cookieValue(in field: Span<UInt8>) -> Range<Int>? {
    guard field.count > name.count, field[name.count] == UInt8(ascii: "=") else { return nil }
    for index in 0..<name.count {
      let byte = field[index]
      let isCapital = byte &- UInt8(ascii: "A") < 26
      if (isCapital ? byte | 0x20 : byte) != name[index] { return nil }
    }
    var end = name.count + 1
    while end < field.count, field[end] != UInt8(ascii: ";") { end += 1 }
    return name.count + 1..<end
  }

  /// True for a field's name that the variable means: a dash there is an underscore here, as in
  /// nginx.
  fileprivate func isNamed(_ other: Span<UInt8>) -> Bool {
    guard other.count == name.count else { return false }
    for index in other.indices {
      let byte = other[index]
      let isCapital = byte &- 0x41 < 26
      let folded = byte == 0x5f ? 0x2d : isCapital ? byte | 0x20 : byte
      if folded != name[index] { return false }
    }
    return true
  }
}
