// `sync=response`: a request's line is in its file before the last bytes of its response are handed
// to the kernel. So whoever has a whole response has a line, even if the process is killed.
//
// The last piece of a response is held back until the turn has carried all connections. Then the
// lines of all of them are written at once, and the pieces are sent.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// The client's sides of the exchanges whose responses are held back in this turn.
struct HeldResponses: ~Copyable {
  private var streams: UnsafeMutablePointer<StreamPointer?>
  private var capacity: Int
  private(set) var count = 0
  /// How many of them are being released: their places stay.
  private var releasedCount = 0

  init() {
    capacity = Limits.heldResponses
    streams = .allocate(capacity: capacity)
  }

  deinit { streams.deallocate() }

  /// The stream at an index; nil when it has ended since.
  subscript(index: Int) -> StreamPointer? {
    precondition(index < count, "HeldResponses: there are not so many")
    return streams[index]
  }

  /// Adds a stream whose response is held back.
  mutating func append(_ stream: StreamPointer) {
    if count == capacity { grow() }
    (streams + count).initialize(to: stream)
    count &+= 1
  }

  /// Takes out a stream that has ended. It is looked for from the end: one that ends in the turn
  /// in which its response was held back is among the last.
  mutating func remove(_ stream: StreamPointer) {
    var index = count
    while index > 0 {
      index -= 1
      guard streams[index] == stream else { continue }
      streams[index] = nil
      break
    }
    while count > releasedCount && streams[count - 1] == nil { count -= 1 }
  }

  /// Begins to release those that there are; returns how many.
  mutating func beginRelease() -> Int {
    precondition(releasedCount == 0, "beginRelease: some are being released")
    releasedCount = count
    return count
  }

  /// Forgets those that have been released.
  mutating func endRelease() {
    precondition(releasedCount <= count, "endRelease: more than there are")
    count &-= releasedCount
    streams.update(from: streams + releasedCount, count: count)
    releasedCount = 0
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<StreamPointer?>.allocate(capacity: 2 * capacity)
    larger.moveInitialize(from: streams, count: count)
    streams.deallocate()
    streams = larger
    capacity *= 2
  }
}

extension Worker where K: ~Copyable {
  /// Holds the last piece of a response back where its location asks for that: `prefix`, which lies
  /// in the scratch memory, and what is set in the client's `output`.
  @inline(__always) mutating func holdsBack(
    _ exchange: ExchangePointer, _ prefix: ByteWriter
  ) -> Bool {
    holdsBack(exchange, UnsafeRawBufferPointer(prefix.written))
  }

  /// The same for bytes of the scratch memory.
  @inline(__always) mutating func holdsBack(
    _ exchange: ExchangePointer, _ prefix: UnsafeRawBufferPointer
  ) -> Bool {
    guard exchange.pointee.plan.pointee.writesAhead,
      !exchange.pointee.client.pointee.isSubrequest
    else { return false }
    holdBack(exchange, prefix)
    return true
  }

  @inline(never) private mutating func holdBack(
    _ exchange: ExchangePointer, _ prefix: UnsafeRawBufferPointer
  ) {
    precondition(exchange.pointee.response == .composed, "holdBack: the response is not composed")
    precondition(exchange.isLive, "holdBack: the exchange has ended")
    let client = exchange.pointee.client
    holdPrefix(client, prefix)
    exchange.pointee.response = .heldBack
    stopWaiting(client)
    if let peer = exchange.pointee.upstream { stopWaiting(peer) }
    heldResponses.append(client)
  }

  /// Writes the lines of the responses that are held back, then sends what was held. A log that
  /// can't be written holds nothing up: that is counted and said.
  @inline(never) mutating func releaseHeldResponses() {
    let count = heldResponses.beginRelease()
    for index in 0..<count {
      if let exchange = heldExchange(index) { writeLinesAhead(exchange) }
    }
    flushLogs()
    for index in 0..<count {
      guard let exchange = heldExchange(index) else { continue }
      noteLateLines(exchange)
      exchange.pointee.response = .composed
      finishResponse(exchange)
    }
    heldResponses.endRelease()
  }

  private mutating func heldExchange(_ index: Int) -> ExchangePointer? {
    guard let exchange = heldResponses[index]?.pointee.exchange,
      exchange.pointee.response == .heldBack
    else { return nil }
    return exchange
  }

  /// Writes an exchange's lines as if all that is held had been sent.
  private mutating func writeLinesAhead(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .heldBack, "writeLinesAhead: it is not held back")
    guard !exchange.pointee.isLogged else { return }
    exchange.pointee.isLogged = true
    let output = exchange.pointee.client.pointee.output
    let pending = WriteParts(output.heldBytes, output.payloadBytes, output.suffixBytes).count
    let bytesSent = exchange.pointee.record.bytesSent
    let contentBytesOut = exchange.pointee.record.contentBytesOut
    exchange.pointee.record.bytesSent &+= UInt64(pending)
    exchange.pointee.record.contentBytesOut &+= UInt64(output.payloadCount)
    if exchange.pointee.upstream != nil { noteTry(exchange, error: .none) }
    finishRecord(exchange)
    writeAccessLines(exchange)
    exchange.pointee.loggedTermination = exchange.pointee.record.termination
    // They are counted again when they are sent.
    exchange.pointee.record.bytesSent = bytesSent
    exchange.pointee.record.contentBytesOut = contentBytesOut
  }

  /// Counts a response that goes out although its line waits.
  private mutating func noteLateLines(_ exchange: ExchangePointer) {
    let accessLogs = exchange.pointee.plan.pointee.accessLogs
    for index in accessLogs.indices {
      let sink = accessLogs[index].sink
      guard logs[sink].plan.isAhead else { continue }
      if logs[sink].count > 0 || kernel.isLogTorn(logs[sink].descriptor) {
        logs[sink].lateCount &+= 1
      }
    }
  }

  /// Says what became of a response after its line was written, if that was not its end.
  @inline(never) mutating func reportAfterLine(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.isLogged, "reportAfterLine: it has no line yet")
    guard exchange.pointee.record.termination != exchange.pointee.loggedTermination else { return }
    let phase = exchange.pointee.record.termination
    report(.error, "log", exchange, exchange.pointee.downstream) { line in
      line.append("the response was not sent completely, although its line says so: ended by the ")
      line.append(phase.partyName)
      line.append(" in phase ")
      line.append(phase.phaseName)
    }
  }
}
