// `$upstream_http_NAME` and `$sent_http_NAME`: values of response fields that a log line asks for,
// kept because the head is gone when the line is written.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Keeps what the log formats ask for: of the backend's fields and of the head just composed.
  mutating func captureFields(
    _ exchange: ExchangePointer, upstream bytes: Span<UInt8>, sent head: ByteWriter
  ) {
    let wanted = tables.capturedFields
    for slot in wanted.indices where wanted[slot].isUpstream {
      for index in 0..<exchange.pointee.responseHead.fields.count {
        let line = exchange.pointee.responseHead.fields[index]
        let name = bytes.extracting(line.name.offsets)
        guard FieldNameMatch.equalIgnoringCase(name, wanted[slot].name.span) else { continue }
        capture(exchange, slot: slot, bytes.extracting(line.value.offsets))
        break
      }
    }
    captureSentFields(exchange, head)
  }

  /// Keeps what the log formats ask for of a head that goes to the client.
  mutating func captureSentFields(_ exchange: ExchangePointer, _ head: ByteWriter) {
    let wanted = tables.capturedFields
    guard !wanted.isEmpty else { return }
    let bytes = head.written.span
    var lineStart = 0
    for index in bytes.indices where bytes[index] == 0x0a {
      let line = bytes.extracting(lineStart..<max(lineStart, index - 1))
      lineStart = index + 1
      for slot in wanted.indices where !wanted[slot].isUpstream {
        let name = wanted[slot].name
        guard line.count >= name.count + 2, line[name.count] == 0x3a,
          FieldNameMatch.equalIgnoringCase(line.extracting(0..<name.count), name.span)
        else { continue }
        capture(exchange, slot: slot, line.extracting(name.count + 2..<line.count))
      }
    }
  }

  /// Keeps one value, as far as there is room.
  private mutating func capture(_ exchange: ExchangePointer, slot: Int, _ value: Span<UInt8>) {
    if exchange.pointee.capturedBuffer.isNone {
      exchange.pointee.capturedBuffer = buffers.take(.small)
    }
    exchange.pointee.record.hasCaptures = true
    let start = Int(exchange.pointee.capturedCount)
    let count = min(value.count, Limits.capturedBytes - start)
    guard count > 0, let base = exchange.pointee.capturedBuffer.base else { return }
    value.withUnsafeBytes { source in
      guard let from = source.baseAddress else { return }
      (base + start).copyMemory(from: from, byteCount: count)
    }
    exchange.pointee.record.captures[slot] = ByteRange(start: start, count: count)
    exchange.pointee.capturedCount &+= UInt32(count)
  }
}
