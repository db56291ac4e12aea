// The access log: one line for each exchange, in each log of its location; and what templates need
// to see of an exchange.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Writes an exchange's lines.
  mutating func writeAccessLines(_ exchange: ExchangePointer) {
    let accessLogs = exchange.pointee.plan.pointee.accessLogs
    for index in accessLogs.indices {
      if !accessLogs[index].condition.isEmpty && !isTrue(accessLogs[index].condition, exchange) {
        continue
      }
      writeAccessLine(accessLogs[index].format, exchange, sink: accessLogs[index].sink)
    }
  }

  /// Writes the line that says that a tunnel opened, to the logs whose format can say it.
  mutating func writeOpeningLine(_ exchange: ExchangePointer) {
    assert(exchange.isLive, "writeOpeningLine: the exchange has ended")
    assert(exchange.pointee.response == .tunnel, "writeOpeningLine: no tunnel is open")
    exchange.pointee.record.event = .upgrade
    exchange.pointee.record.duration = kernel.now() - exchange.pointee.start
    exchange.pointee.record.endTime = wall.microseconds
    noteTry(exchange, error: .none)
    let accessLogs = exchange.pointee.plan.pointee.accessLogs
    for index in accessLogs.indices where accessLogs[index].format.tellsEvent {
      if !accessLogs[index].condition.isEmpty && !isTrue(accessLogs[index].condition, exchange) {
        continue
      }
      writeAccessLine(accessLogs[index].format, exchange, sink: accessLogs[index].sink)
    }
    exchange.pointee.record.event = .end
  }

  private mutating func writeAccessLine(
    _ format: LogFormat, _ exchange: ExchangePointer, sink: Int
  ) {
    if format.template.usesOwn { computeVariables(of: format.template, exchange) }
    var writer = composeLine(format, exchange, sink: sink)
    if writer.overflowed && makeRoom(sink: sink) {
      writer = composeLine(format, exchange, sink: sink)
    }
    if writer.count > tables.logValueBytes || writer.overflowed {
      writer = composeLongLine(format, exchange, writer, sink: sink)
    }
    logs.commit(sink, writer)
  }

  /// Composes a line again that is long or did not fit, its longest values cut as far as it needs:
  /// a request always has a line, and its readers take it whole.
  @inline(never) private mutating func composeLongLine(
    _ format: LogFormat, _ exchange: ExchangePointer, _ line: ByteWriter, sink: Int
  ) -> ByteWriter {
    assert(logs[sink].count <= logs.queueBytes, "composeLongLine: more waits than may")
    let longest = 2 * tables.logValueBytes
    let room = logs.queueBytes - logs[sink].count
    // Without room for a line of usual length, it is the log that takes nothing.
    if line.overflowed && room <= longest { return line }
    let values = exchange.pointee.headBytes.count + exchange.pointee.capturedBytes.count
    let capacity = min(room, 4 * longest) + 8 * values + Limits.scratchBytes
    let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 2 * capacity)
    defer { memory.deallocate() }
    var writer = logs.writer(sink)
    var limit = tables.logValueBytes
    repeat {
      var cut = ByteWriter(UnsafeMutableBufferPointer(rebasing: memory[..<capacity]))
      var full = ByteWriter(UnsafeMutableBufferPointer(rebasing: memory[capacity...]))
      beginMessage(sink: sink, severity: nil, into: &cut)
      let bytes = ExchangeBytes(
        head: exchange.pointee.headBytes.span, path: exchange.pointee.pathBytes.span,
        captured: exchange.pointee.capturedBytes.span,
        computed: exchange.pointee.computedBytes.span,
        values: exchange.pointee.variableValues.span)
      format.write(
        &exchange.pointee.record, head: &exchange.pointee.head, bytes: bytes, cutTo: limit,
        full: &full, into: &cut)
      writer.truncate(to: 0)
      if cut.overflowed { writer.overflow() } else { writer.append(cut.span) }
      if !writer.overflowed && writer.count <= longest { break }
      limit /= 2
    } while limit >= Limits.leastValueBytes
    return writer
  }

  /// Composes a line behind those that wait for a sink. Not inlined: in two places at once the
  /// record would be copied.
  @inline(never) private mutating func composeLine(
    _ format: LogFormat, _ exchange: ExchangePointer, sink: Int
  ) -> ByteWriter {
    var writer = logs.writer(sink)
    beginMessage(sink: sink, severity: nil, into: &writer)
    let bytes = ExchangeBytes(
      head: exchange.pointee.headBytes.span, path: exchange.pointee.pathBytes.span,
      captured: exchange.pointee.capturedBytes.span,
      computed: exchange.pointee.computedBytes.span,
      values: exchange.pointee.variableValues.span)
    format.write(
      &exchange.pointee.record, head: &exchange.pointee.head, bytes: bytes, into: &writer)
    return writer
  }

  private mutating func isTrue(_ condition: Template, _ exchange: ExchangePointer) -> Bool {
    if condition.usesOwn { computeVariables(of: condition, exchange) }
    let bytes = ExchangeBytes(
      head: exchange.pointee.headBytes.span, path: exchange.pointee.pathBytes.span,
      captured: exchange.pointee.capturedBytes.span,
      computed: exchange.pointee.computedBytes.span,
      values: exchange.pointee.variableValues.span)
    var writer = ByteWriter(scratch)
    return condition.isTrue(
      exchange.pointee.record, head: exchange.pointee.head, bytes: bytes, scratch: &writer)
  }

  /// Writes a template's value for an exchange, as it goes into a field or a body. Not inlined: the
  /// request's head would be copied.
  @inline(never) mutating func write(
    _ template: Template, _ exchange: ExchangePointer, into writer: inout ByteWriter
  ) {
    if template.usesOwn { computeVariables(of: template, exchange) }
    let bytes = ExchangeBytes(
      head: exchange.pointee.headBytes.span, path: exchange.pointee.pathBytes.span,
      captured: exchange.pointee.capturedBytes.span,
      computed: exchange.pointee.computedBytes.span,
      values: exchange.pointee.variableValues.span)
    template.write(
      of: &exchange.pointee.record, head: &exchange.pointee.head, bytes: bytes, into: &writer)
  }
}

extension Exchange {
  /// Values kept of the response's fields.
  @inline(__always) var capturedBytes: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(
      start: capturedBuffer.base?.assumingMemoryBound(to: UInt8.self), count: Int(capturedCount))
  }
}
