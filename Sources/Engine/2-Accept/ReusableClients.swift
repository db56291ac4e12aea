// Clients of which no whole head has come. They hold places of `worker_connections` and may never
// say anything, so under pressure the one that has done so longest makes room.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Puts a client into the list, unless it stands there or is only being refused. One whose head
  /// comes in one piece never gets there.
  @inline(never) mutating func joinHeadless(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase != .closed, "joinHeadless: it is closed")
    guard connection.pointee.flags.isDisjoint(with: [.headless, .refused]) else { return }
    precondition(connection.pointee.role == .downstream, "joinHeadless: not a client")
    connection.pointee.flags.insert(.headless)
    headlessClients.insertFirst(connection)
  }

  /// Takes a client out of the list, if it stands there.
  @inline(never) mutating func leaveHeadless(_ connection: ConnectionPointer) {
    guard connection.pointee.flags.contains(.headless) else { return }
    connection.pointee.flags.remove(.headless)
    headlessClients.remove(connection)
  }

  /// Goes on with a client if what it owes has come already, unnoticed so far; ends it if its head
  /// is still not whole.
  mutating func advanceOrEnd(_ connection: ConnectionPointer) {
    precondition(connection.pointee.flags.contains(.headless), "advanceOrEnd: its head has come")
    let generation = connection.pointee.generation
    connection.pointee.flags.insert(.readable)
    advanceDownstream(connection)
    // Its slot may have become another connection's.
    if connection.pointee.generation == generation && connection.pointee.flags.contains(.headless) {
      endForRoom(connection)
    }
  }

  /// Ends a client of the list, so that its place is free.
  mutating func endForRoom(_ connection: ConnectionPointer) {
    precondition(connection.pointee.role == .downstream, "endForRoom: not a client")
    switch connection.pointee.phase {
    case .proxyHeader, .preface:
      let awaitsHeader = connection.pointee.phase == .proxyHeader
      report(.error, "accept", nil, connection) { line in
        line.append("closed to make room before ")
        line.append(awaitsHeader ? "its PROXY protocol header" : "its first request")
        line.append(" arrived: worker_connections are not enough")
      }
      close(connection)
    case .handshake: endHandshakeForRoom(connection)
    case .requestHead: endHeadForRoom(connection)
    case .closed, .idle, .exchange, .lingering, .connecting, .multiplexed:
      preconditionFailure("endForRoom: not this phase")
    }
  }

  /// Answers what has come of a head with 408. The place must be free at once, so the connection
  /// does not count any more, even if its answer is held back, and does not linger.
  private mutating func endHeadForRoom(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase == .requestHead, "endHeadForRoom: no head is being read")
    guard let exchange = connection.pointee.exchange else {
      preconditionFailure("endHeadForRoom: no exchange")
    }
    keepArrivedHead(exchange)
    report(.error, "accept", exchange, connection) { line in
      line.append("closed to make room before the request head was complete: ")
      line.append("worker_connections are not enough")
    }
    connection.pointee.flags.formUnion([.refused, .givesWay])
    refusedCount &+= 1
    refuse(exchange, 408, .proxyOverloaded, Termination(.proxy, .requestHead))
  }
}
