import Basics
import Platform

/// What happened in a world, in order. Two runs of the same seed have equal hashes, or something
/// that is not in the seed has decided something.
public struct Trace: Sendable {
  /// The kinds of what is recorded.
  public enum Event: String, Sendable {
    /// A call of the program.
    case wait, watch, unwatch, accept, connect, read, write, shutdown, close, writeLog
    /// Something that the world did.
    case deliver, reset, settle, clientConnects, step
  }

  /// A hash (FNV-1a, 64 bits) of everything recorded.
  public private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
  /// How many events were recorded.
  public private(set) var count = 0
  /// Set it to keep the events as text too, for reading how a failing seed went.
  public var keepsLines = false
  /// One line for each event: the time in nanoseconds, the event, its numbers.
  public private(set) var lines: [String] = []

  mutating func record(_ event: Event, at time: Instant, _ first: Int, _ second: Int) {
    count += 1
    for byte in event.rawValue.utf8 { mix(UInt64(byte)) }
    mix(time.nanoseconds)
    mix(UInt64(bitPattern: Int64(first)))
    mix(UInt64(bitPattern: Int64(second)))
    if keepsLines { lines.append("\(time.nanoseconds) \(event.rawValue) \(first) \(second)") }
  }

  private mutating func mix(_ value: UInt64) {
    hash = (hash ^ value) &* 0x0000_0100_0000_01B3
  }
}

extension SimulatedWorld {
  func record(_ event: Trace.Event, _ first: Int, _ second: Int = 0) {
    trace.record(event, at: now, first, second)
  }
}

// How results look in the trace: counts as they are, everything else below zero.

extension ReadResult {
  var traceValue: Int {
    switch self {
    case .bytes(let count): count
    case .end: -1
    case .wouldBlock: -2
    case .failed(let error): -1000 - Int(error.code)
    }
  }
}

extension WriteResult {
  var traceValue: Int {
    switch self {
    case .bytes(let count): count
    case .wouldBlock: -2
    case .failed(let error): -1000 - Int(error.code)
    }
  }
}

extension AcceptResult {
  var traceValue: Int {
    switch self {
    case .connection(let descriptor, _): Int(descriptor.number)
    case .wouldBlock: -2
    case .aborted: -3
    case .exhausted(let error): -1000 - Int(error.code)
    }
  }
}

extension ConnectResult {
  var traceValue: Int {
    switch self {
    case .connected(let descriptor), .inProgress(let descriptor): Int(descriptor.number)
    case .failed(let error): -1000 - Int(error.code)
    }
  }
}
