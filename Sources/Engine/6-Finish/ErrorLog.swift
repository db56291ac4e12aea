// The error log: what went wrong, with the request's ID on each line that a request caused and the
// connection's number on all others.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Writes a line to the error logs that are concerned. `message` is escaped by whoever writes
  /// bytes of a peer's.
  mutating func report(
    _ level: LogLevel, _ module: StaticString, _ exchange: ExchangePointer?,
    _ connection: ConnectionPointer?, _ message: (inout ByteWriter) -> Void
  ) {
    let errorLogs = errorLogs(exchange, connection)
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

  /// The error logs that a line goes to: those of the exchange's location, else those of the
  /// listener that a client came in by, else the top level's.
  private mutating func errorLogs(
    _ exchange: ExchangePointer?, _ connection: ConnectionPointer?
  ) -> FrozenArray<ErrorLogPlan> {
    if let exchange { return exchange.pointee.plan.pointee.errorLogs }
    guard let connection, connection.pointee.role == .downstream else { return tables.errorLogs }
    let server = tables.listeners[Int(connection.pointee.origin)].defaultServer
    return fallbackLocation(of: server).pointee.errorLogs
  }
}
