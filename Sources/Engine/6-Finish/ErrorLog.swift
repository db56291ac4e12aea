// The error log: what went wrong, with the request's ID on each line that a request caused and the
// connection's number on all others.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Writes a line to the error logs that are concerned: those of the exchange's location, else those of
  /// the connection's listener, else all. `message` is escaped by whoever writes bytes of a peer's.
  mutating func report(
    _ level: LogLevel, _ module: StaticString, _ exchange: ExchangePointer?,
    _ connection: ConnectionPointer?, _ message: (inout ByteWriter) -> Void
  ) {
    let location = errorLogLocation(exchange, connection)
    let errorLogs = tables.locations[location].errorLogs
    for index in errorLogs.indices where errorLogs[index].level <= level {
      var writer = logs.writer(errorLogs[index].sink)
      let requestID = exchange?.pointee.record.requestID ?? RequestID()
      ErrorLogLine.begin(
        level: level, clock: wall.microseconds, module: module, requestID: requestID.span,
        connection: (exchange?.pointee.downstream ?? connection)?.pointee.number ?? 0,
        into: &writer)
      message(&writer)
      ErrorLogLine.end(into: &writer)
      logs.commit(errorLogs[index].sink, writer)
    }
  }

  /// The location whose `error_log` applies. Any will do for what concerns the worker as a whole: the
  /// first server's.
  private func errorLogLocation(
    _ exchange: ExchangePointer?, _ connection: ConnectionPointer?
  ) -> Int {
    if let exchange { return exchange.pointee.location }
    var server = 0
    if let connection, connection.pointee.role == .downstream {
      server = tables.listeners[Int(connection.pointee.origin)].defaultServer
    }
    return tables.servers[server].fallbackLocation
  }
}
