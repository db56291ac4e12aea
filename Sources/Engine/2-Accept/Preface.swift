// Which protocol a client of a listener with `http2` speaks: without TLS its first bytes tell (RFC
// 9113 section 3.4), with TLS the handshake has agreed on it.

import Basics
import HTTP
import Plan
import Platform
import Policy

extension Worker where K: ~Copyable {
  /// What a connection that speaks HTTP/2 begins with.
  private static var preface: StaticString { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" }

  /// Awaits the first bytes of a client that may speak HTTP/2.
  mutating func awaitPreface(_ connection: ConnectionPointer) {
    connection.pointee.phase = .preface
    if !connection.pointee.flags.contains(.reusable) { joinReusable(connection) }
  }

  /// Reads them, as far as they have come.
  mutating func readPreface(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase == .preface, "readPreface: not this phase")
    while true {
      let count = connection.pointee.inputCount
      if count > 0 {
        guard beginsAsPreface(connection) else { return beginHTTP1(connection) }
        if count >= Self.preface.utf8CodeUnitCount { return beginHTTP2(connection) }
      }
      switch receive(connection, .small) {
      case .bytes: continue
      case .end, .failed: return close(connection)
      case .nothing:
        if count == 0 { buffers.giveBack(&connection.pointee.input) }
        if connection.pointee.flags.contains(.failed) { close(connection) }
        return
      }
    }
  }

  /// True when nothing speaks against the preface so far.
  private func beginsAsPreface(_ connection: ConnectionPointer) -> Bool {
    let wanted = UnsafeBufferPointer(
      start: Self.preface.utf8Start, count: Self.preface.utf8CodeUnitCount)
    let count = min(connection.pointee.inputCount, wanted.count)
    return connection.pointee.inputBytes[..<count].elementsEqual(wanted[..<count])
  }

  /// A request of HTTP/1 has begun.
  private mutating func beginHTTP1(_ connection: ConnectionPointer) {
    if connection.pointee.flags.contains(.refused) { return answerRefused(connection) }
    leaveReusable(connection)
    connection.pointee.phase = .idle
    idleClients.insertFirst(connection)
    beginExchange(connection)
  }

  /// Goes on in HTTP/2 with a client of which nothing has been read but the preface's begin.
  mutating func beginHTTP2(_ connection: ConnectionPointer) {
    if connection.pointee.flags.contains(.reusable) { leaveReusable(connection) }
    let server = tables.listeners[Int(connection.pointee.origin)].defaultServer
    beginSession(connection, HTTP2ClientSession(tables.servers[server].headLimits))
    advanceSession(connection)
  }
}
