// The error log: what went wrong, with the request's ID on each line that a request caused and the
// connection's number on all others.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Writes a line to the error logs that are concerned; to all of the place's, whatever their
  /// level, when `isAskedFor`. `message` escapes what came from outside.
  mutating func report(
    _ level: LogLevel, _ module: StaticString, _ exchange: ExchangePointer?,
    _ connection: ConnectionPointer?, isAskedFor: Bool = false,
    _ message: (inout ByteWriter) -> Void
  ) {
    let errorLogs = errorLogs(exchange, connection)
    for index in errorLogs.indices where isAskedFor || errorLogs[index].level <= level {
      var line = ErrorLogLine(level: level, clock: wall.microseconds, module: module)
      describe(&line, exchange, connection)
      let sink = errorLogs[index].sink
      let isJSON = errorLogs[index].isJSON
      var writer = composeLine(line, message, isJSON: isJSON, sink: sink)
      if writer.overflowed && makeRoom(sink: sink) {
        writer = composeLine(line, message, isJSON: isJSON, sink: sink)
      }
      logs.commit(sink, writer)
    }
  }

  /// Composes a line behind those that wait for a sink.
  private mutating func composeLine(
    _ line: borrowing ErrorLogLine, _ message: (inout ByteWriter) -> Void, isJSON: Bool, sink: Int
  ) -> ByteWriter {
    var writer = logs.writer(sink)
    beginMessage(sink: sink, severity: SyslogHeader.severity(of: line.level), into: &writer)
    if isJSON {
      writeJSON(line, message, into: &writer)
    } else {
      line.begin(into: &writer)
      let start = writer.count
      message(&writer)
      writer.cutValue(from: start, to: tables.logValueBytes)
      line.end(into: &writer)
    }
    return writer
  }

  /// Says which request and which try a line is about.
  private mutating func describe(
    _ line: inout ErrorLogLine, _ exchange: ExchangePointer?, _ connection: ConnectionPointer?
  ) {
    line.connection = (exchange?.pointee.downstream ?? connection)?.pointee.number ?? 0
    guard let exchange else { return }
    line.requestID.assign(exchange.pointee.record.requestID)
    line.peer = exchange.pointee.record.upstream
    line.tryNumber = exchange.pointee.record.tryCount
  }

  /// A message is composed apart, because all of it is escaped.
  private mutating func writeJSON(
    _ line: borrowing ErrorLogLine, _ message: (inout ByteWriter) -> Void,
    into writer: inout ByteWriter
  ) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Limits.errorMessageBytes) { memory in
      memory.initialize(repeating: 0)
      var text = ByteWriter(memory)
      message(&text)
      line.writeJSON(text.written.span, into: &writer)
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
