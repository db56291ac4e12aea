// Clients that hold places of `worker_connections` and need them least: those of which no whole
// head has come, and those whose last response is out. Either may never say anything, so under
// pressure the one that has done so longest makes room.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Puts a client into the list, unless it stands there or is only being refused. One whose head
  /// comes in one piece, and that takes its leave in time, never gets there.
  @inline(never) mutating func joinReusable(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase != .closed, "joinReusable: it is closed")
    guard connection.pointee.flags.isDisjoint(with: [.reusable, .refused]) else { return }
    precondition(connection.pointee.role == .downstream, "joinReusable: not a client")
    connection.pointee.flags.insert(.reusable)
    reusableClients.insertFirst(connection)
  }

  /// Takes a client out of the list, if it stands there.
  @inline(never) mutating func leaveReusable(_ connection: ConnectionPointer) {
    guard connection.pointee.flags.contains(.reusable) else { return }
    connection.pointee.flags.remove(.reusable)
    reusableClients.remove(connection)
  }

  /// Goes on with a client if what it owes has come already, unnoticed so far; ends it if it still
  /// owes it.
  mutating func advanceOrEnd(_ connection: ConnectionPointer) {
    precondition(connection.pointee.flags.contains(.reusable), "advanceOrEnd: it owes nothing")
    let generation = connection.pointee.generation
    connection.pointee.flags.formUnion([.readable, .writable])
    if connection.pointee.phase == .exchange, let exchange = connection.pointee.exchange {
      advance(exchange)
    } else {
      advanceDownstream(connection)
    }
    // Its slot may have become another connection's.
    if connection.pointee.generation == generation && connection.pointee.flags.contains(.reusable) {
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
    case .exchange: endDiscardingForRoom(connection)
    // It has had its response.
    case .lingering: close(connection)
    case .closed, .idle, .connecting, .multiplexed:
      preconditionFailure("endForRoom: not this phase")
    }
  }

  /// Ends an exchange that has been answered and of which only the rest of the request was awaited.
  private mutating func endDiscardingForRoom(_ connection: ConnectionPointer) {
    guard let exchange = connection.pointee.exchange else {
      preconditionFailure("endDiscardingForRoom: no exchange")
    }
    precondition(exchange.pointee.response == .composed, "endDiscardingForRoom: not answered")
    exchange.pointee.requireClosure(.orderly)
    connection.pointee.flags.insert(.givesWay)
    end(exchange)
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
