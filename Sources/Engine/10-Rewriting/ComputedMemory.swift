// Where the values of an exchange's own variables lie, and what its regular expressions matched:
// one buffer, which begins with the table of values. Only exchanges that use any of it have one.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension ServingState {
  /// All of the memory; ranges of values count from its begin.
  var computedBytes: UnsafeMutableBufferPointer<UInt8> {
    UnsafeMutableBufferPointer(
      start: computedBase?.assumingMemoryBound(to: UInt8.self), count: computedCapacity)
  }
}

/// Always inlined: what is called on an exchange gets a copy of it.
extension Exchange {
  /// What expressions matched, and values of variables.
  @inline(__always) var computedBytes: UnsafeBufferPointer<UInt8> {
    guard let serving, let base = serving.pointee.computedBase else {
      return UnsafeBufferPointer(start: nil, count: 0)
    }
    return UnsafeBufferPointer(
      start: base.assumingMemoryBound(to: UInt8.self),
      count: Int(serving.pointee.computedCount))
  }

  /// Where the values of variables lie there, by slot.
  @inline(__always) var variableValues: UnsafeBufferPointer<ByteRange> {
    guard let serving, let base = serving.pointee.computedBase else {
      return UnsafeBufferPointer(start: nil, count: 0)
    }
    return UnsafeBufferPointer(
      start: base.assumingMemoryBound(to: ByteRange.self), count: Int(serving.pointee.valueCount))
  }
}

extension Worker where K: ~Copyable {
  /// The state of an exchange for which something is computed.
  mutating func computingState(_ exchange: ExchangePointer) -> ServingStatePointer {
    let state = servingState(exchange)
    if state.pointee.computedBase == nil { beginComputing(state) }
    return state
  }

  private mutating func beginComputing(_ state: ServingStatePointer) {
    let count = tables.variables.count
    let size = count * MemoryLayout<ByteRange>.stride
    if size > Limits.ownComputedBytes / 2 {
      state.pointee.computed = buffers.take(.small)
      state.pointee.computedBase = state.pointee.computed.base
      state.pointee.computedCapacity = state.pointee.computed.capacity
    } else {
      state.pointee.computedBase = state.pointee.own
      state.pointee.computedCapacity = Limits.ownComputedBytes
    }
    state.pointee.valueCount = UInt32(count)
    state.pointee.computedCount = UInt32(size)
    state.pointee.computedBase?.bindMemory(to: ByteRange.self, capacity: count)
      .initialize(repeating: .absent, count: count)
  }

  /// The value of a variable; absent when it has none yet.
  @inline(__always) mutating func value(_ slot: Int, _ state: ServingStatePointer) -> ByteRange {
    precondition(slot < Int(state.pointee.valueCount), "a variable without a place")
    guard let base = state.pointee.computedBase else { return .absent }
    return base.assumingMemoryBound(to: ByteRange.self)[slot]
  }

  /// Has a variable have the value that lies at `range`.
  @inline(__always)
  mutating func setValue(_ slot: Int, _ range: ByteRange, _ state: ServingStatePointer) {
    precondition(slot < Int(state.pointee.valueCount), "a variable without a place")
    guard let base = state.pointee.computedBase else { return }
    base.assumingMemoryBound(to: ByteRange.self)[slot] = range
  }

  /// Makes the memory larger; false when it is as large as it may be.
  mutating func growComputed(_ state: ServingStatePointer) -> Bool {
    let capacity = state.pointee.computedCapacity
    guard let size = Buffer.Size(holding: capacity + 1) else { return false }
    var buffer = buffers.take(size)
    if let old = state.pointee.computedBase {
      buffer.base?.copyMemory(from: old, byteCount: Int(state.pointee.computedCount))
    }
    swap(&state.pointee.computed, &buffer)
    buffers.giveBack(&buffer)
    state.pointee.computedBase = state.pointee.computed.base
    state.pointee.computedCapacity = state.pointee.computed.capacity
    return true
  }

  /// Keeps bytes that lie elsewhere; nil when there is no room for them.
  mutating func keep(_ bytes: Span<UInt8>, _ exchange: ExchangePointer) -> ByteRange? {
    let state = computingState(exchange)
    let start = Int(state.pointee.computedCount)
    while state.pointee.computedCapacity - start <= bytes.count {
      guard growComputed(state) else { return nil }
    }
    var writer = ByteWriter(
      UnsafeMutableBufferPointer(rebasing: state.pointee.computedBytes[start...]))
    writer.append(bytes)
    state.pointee.computedCount = UInt32(start + bytes.count)
    return ByteRange(start: start, count: bytes.count)
  }

  /// Keeps the text of a template, whose variables are computed first. What does not fit is
  /// reported, and no text then.
  mutating func keep(
    _ template: Template, _ exchange: ExchangePointer, encodesGroups: Bool = false, depth: Int = 0
  ) -> ByteRange {
    if template.usesOwn { computeVariables(of: template, exchange, depth: depth) }
    return keepComputed(template, exchange, encodesGroups: encodesGroups)
  }

  /// The same for a template whose variables have been computed. It keeps nothing but the text,
  /// which may be forgotten again.
  mutating func keepComputed(
    _ template: Template, _ exchange: ExchangePointer, encodesGroups: Bool = false
  ) -> ByteRange {
    let state = computingState(exchange)
    if template.usesOwn && template.parts.count == 1 {
      // It lies there already.
      let range = value(Int(template.parts[0].slot), state)
      return range == .absent ? .empty : range
    }
    if template.parts.count <= 1, let range = keepPlain(template, exchange) { return range }
    let start = Int(state.pointee.computedCount)
    repeat {
      if state.pointee.computedCapacity > start {
        var writer = ByteWriter(
          UnsafeMutableBufferPointer(rebasing: state.pointee.computedBytes[start...]))
        writeRaw(template, exchange, encodesGroups: encodesGroups, into: &writer)
        if !writer.overflowed {
          state.pointee.computedCount = UInt32(start + writer.count)
          return ByteRange(start: start, count: writer.count)
        }
      }
    } while growComputed(state)
    report(.error, "variables", exchange, exchange.pointee.downstream) { line in
      line.append("the values of this request's variables take more than ")
      line.append(decimal: UInt64(Limits.largeBufferBytes))
      line.append(" bytes: one is left empty")
    }
    return .empty
  }

  /// Keeps a text of one piece that needs no composing; nil when it does.
  @inline(__always) private mutating func keepPlain(
    _ template: Template, _ exchange: ExchangePointer
  ) -> ByteRange? {
    guard !template.isEmpty else { return .empty }
    switch template.parts[0].variable {
    case .literal: return keep(template.parts[0].text.span, exchange)
    case .uri: return keep(exchange.pointee.pathBytes.span, exchange)
    default: return nil
    }
  }

  /// Appends a literal to the text that was kept last.
  mutating func extend(
    _ range: inout ByteRange, _ bytes: UnsafeBufferPointer<UInt8>, _ exchange: ExchangePointer
  ) -> Bool {
    let state = computingState(exchange)
    precondition(
      range.offsets.upperBound == Int(state.pointee.computedCount), "only the last text grows")
    guard let more = keep(bytes.span, exchange) else { return false }
    range = ByteRange(start: Int(range.start), count: Int(range.count) + Int(more.count))
    return true
  }

  /// What lies at a range. Valid until something more is kept.
  mutating func kept(
    _ range: ByteRange, _ exchange: ExchangePointer
  ) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(rebasing: computingState(exchange).pointee.computedBytes[range.offsets])
  }

  /// Writes a template's value as it is, for what is looked up, compared or kept: a control that
  /// became a space would mean another file. What is sent to somebody is written by `write`.
  mutating func writeRaw(
    _ template: Template, _ exchange: ExchangePointer, into writer: inout ByteWriter
  ) {
    if template.usesOwn { computeVariables(of: template, exchange) }
    writeRaw(template, exchange, encodesGroups: false, into: &writer)
  }

  /// Not inlined: the request's head would be copied.
  @inline(never) private mutating func writeRaw(
    _ template: Template, _ exchange: ExchangePointer, encodesGroups: Bool,
    into writer: inout ByteWriter
  ) {
    let bytes = ExchangeBytes(
      head: exchange.pointee.headBytes.span, path: exchange.pointee.pathBytes.span,
      captured: exchange.pointee.capturedBytes.span,
      computed: exchange.pointee.computedBytes.span,
      values: exchange.pointee.variableValues.span)
    template.writeRaw(
      &exchange.pointee.record, head: exchange.pointee.head, bytes: bytes,
      encodesGroups: encodesGroups, into: &writer)
  }
}
