import HTTP
import Plan
import Testing

@testable import Engine

/// A slot of the exchanges is used again and again. A field that `reset` forgets would carry what
/// one request left into the next one.
struct ExchangeResetTests {
  /// Every byte of a used exchange is that of a new one after `reset`, but for tables that their
  /// counts guard and for what gets its value before it is read.
  @Test func aUsedSlotIsAsGoodAsNew() throws {
    let low = try make(over: 0x00)
    let high = try make(over: 0xff)
    let used = try make(over: 0x00)
    let guarded = guardedRanges(used)
    let bytes = UnsafeMutableRawPointer(used)
    for offset in 0..<MemoryLayout<Exchange>.size where !guarded.contains(where: { $0 ~= offset }) {
      bytes.storeBytes(of: 0xa5, toByteOffset: offset, as: UInt8.self)
    }
    try reset(used)
    var forgotten: [Int] = []
    for offset in 0..<MemoryLayout<Exchange>.size where !guarded.contains(where: { $0 ~= offset }) {
      let expected = UnsafeRawPointer(low).load(fromByteOffset: offset, as: UInt8.self)
      // What lies between two fields belongs to none, and holds what it held.
      let isField = UnsafeRawPointer(high).load(fromByteOffset: offset, as: UInt8.self) == expected
      let found = bytes.load(fromByteOffset: offset, as: UInt8.self)
      if isField && found != expected { forgotten.append(offset) }
    }
    #expect(forgotten.isEmpty, "reset forgets what lies at these offsets of an exchange")
    for exchange in [low, high, used] {
      exchange.deinitialize(count: 1)
      exchange.deallocate()
    }
  }

  private func make(over byte: UInt8) throws -> ExchangePointer {
    let exchange = ExchangePointer.allocate(capacity: 1)
    UnsafeMutableRawPointer(exchange).initializeMemory(
      as: UInt8.self, repeating: byte, count: MemoryLayout<Exchange>.size)
    let client = try #require(StreamPointer(bitPattern: 0x1000))
    let plan = try #require(UnsafePointer<LocationPlan>(bitPattern: 0x1000))
    exchange.initialize(to: Exchange(client: client, server: 0, plan: plan))
    try reset(exchange)
    return exchange
  }

  private func reset(_ exchange: ExchangePointer) throws {
    let client = try #require(StreamPointer(bitPattern: 0x1000))
    let plan = try #require(UnsafePointer<LocationPlan>(bitPattern: 0x1000))
    exchange.pointee.reset(client: client, server: 0, plan: plan)
  }

  private func guardedRanges(_ exchange: ExchangePointer) -> [Range<Int>] {
    func range<Field: ~Copyable>(_ field: UnsafeMutablePointer<Field>) -> Range<Int> {
      let start = UnsafeRawPointer(field) - UnsafeRawPointer(exchange)
      return start..<start + MemoryLayout<Field>.size
    }
    return [
      // Tables behind their counts; each has a `reset` or `removeAll` of its own.
      range(&exchange.pointee.head), range(&exchange.pointee.responseHead),
      range(&exchange.pointee.record), range(&exchange.pointee.history),
      range(&exchange.pointee.tried),
      // A decoder that is made anew where content is chunked.
      range(&exchange.pointee.requestReader), range(&exchange.pointee.responseReader),
      // Given back at the end.
      range(&exchange.pointee.kept),
      // Set where the exchange, a try, a discard or a line begins that reads them.
      range(&exchange.pointee.slot), range(&exchange.pointee.start),
      range(&exchange.pointee.upstreamIndex), range(&exchange.pointee.peerIndex),
      range(&exchange.pointee.tryStart), range(&exchange.pointee.firstTryStart),
      range(&exchange.pointee.discardLeft), range(&exchange.pointee.loggedTermination),
    ]
  }
}
