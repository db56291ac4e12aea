// What a worker has for TLS: the contexts, and the memory in which bytes are sealed and opened.

import Basics
import Policy
import TLS

/// A worker's share of TLS. Without any context it has no memory either.
struct TLSWork: ~Copyable {
  /// The contexts for new connections.
  let tables: TLSTables
  /// Where OpenSSL finds what came and leaves what is to be sent.
  let transport: TLSTransportPointer
  /// What was read from a socket, still sealed.
  let arrived: UnsafeMutableRawBufferPointer
  /// One record's content, put together from several pieces.
  let record: UnsafeMutableRawBufferPointer
  private let room: UnsafeMutableRawBufferPointer
  /// Failed handshakes told of in the current second, and those that were not told.
  var reports = FailureReports()

  init(_ tables: TLSTables) {
    self.tables = tables
    let isUsed = !tables.isEmpty
    arrived = .allocate(byteCount: isUsed ? Limits.sealedReadBytes : 0, alignment: 64)
    room = .allocate(byteCount: isUsed ? Limits.sealedRoomBytes : 0, alignment: 64)
    record = .allocate(byteCount: isUsed ? TLSSession.recordBytes : 0, alignment: 64)
    transport = .allocate(capacity: 1)
    transport.initialize(to: TLSTransport(room: room))
  }

  deinit {
    transport.deinitialize(count: 1)
    transport.deallocate()
    arrived.deallocate()
    room.deallocate()
    record.deallocate()
  }
}

/// Keeps scanners from flooding the error log with failures of one kind: handshakes, or streams.
struct FailureReports: BitwiseCopyable {
  private var second: UInt64 = 0
  private var toldCount = 0
  private var untoldCount: UInt64 = 0

  /// Whether a failure of this second may be told of, and how many were not since the last that
  /// was.
  mutating func mayTell(second now: UInt64) -> (isTold: Bool, untold: UInt64) {
    if now != second {
      second = now
      toldCount = 0
    }
    guard toldCount < Limits.failureReportsPerSecond else {
      untoldCount &+= 1
      return (false, 0)
    }
    toldCount &+= 1
    defer { untoldCount = 0 }
    return (true, untoldCount)
  }
}
