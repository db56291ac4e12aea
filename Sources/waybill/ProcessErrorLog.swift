// Error log lines from threads that are not workers.

import Basics
import Plan
import Platform
import Policy
import Telemetry

/// The error logs of the top level, for what concerns the whole process. They are opened for each
/// line: there are few, and the files may have been put aside since the last one.
struct ProcessErrorLog {
  private let plan: Plan

  /// The error logs of `plan`.
  init(_ plan: Plan) { self.plan = plan }

  /// Writes a line to each log that is concerned.
  func report(
    _ level: LogLevel, _ module: StaticString, _ message: String, requestID: String = ""
  ) {
    let logs = plan.tables.errorLogs
    for index in logs.indices where logs[index].level <= level {
      var line = ErrorLogLine(level: level, clock: MachineTime.now, module: module)
      let id = Array(requestID.utf8)
      line.requestID.assign(id.span)
      let text = text(line, message, isJSON: logs[index].isJSON)
      write(text, level, to: plan.tables.sinks[logs[index].sink])
    }
  }

  private func text(
    _ line: borrowing ErrorLogLine, _ message: String, isJSON: Bool
  ) -> [UInt8] {
    let message = Array(message.utf8)
    // A byte becomes six at most.
    let capacity = Limits.errorMessageBytes + 6 * message.count
    return [UInt8](unsafeUninitializedCapacity: capacity) { memory, count in
      var writer = ByteWriter(memory)
      if isJSON {
        line.writeJSON(message.span, into: &writer)
      } else {
        line.begin(into: &writer)
        writer.appendEscaped(message.span, .standard)
        line.end(into: &writer)
      }
      count = writer.overflowed ? 0 : writer.count
    }
  }

  private func write(_ text: [UInt8], _ level: LogLevel, to sink: LogSinkPlan) {
    switch sink.destination {
    case .syslog: send(text, level, to: sink)
    case .file: LogFile.append(text, to: sink.path.text)
    case .stdout: append(text, level, to: 1)
    case .stderr: append(text, level, to: 2)
    }
  }

  private func append(_ text: [UInt8], _ level: LogLevel, to standard: Int32) {
    let isJournaled = StandardStream.isJournaled(standard)
    let priority = isJournaled ? "<\(SyslogHeader.severity(of: level))>" : ""
    StandardStream.append(Array(priority.utf8) + text, to: standard)
  }

  private func send(_ text: [UInt8], _ level: LogLevel, to sink: LogSinkPlan) {
    let socket = SyslogSocket.open(address: sink.server, unixPath: sink.serverPath)
    guard case .success(let descriptor) = socket else { return }
    defer { LogFile.close(descriptor) }
    let capacity = Limits.errorMessageBytes + text.count
    let message = [UInt8](unsafeUninitializedCapacity: capacity) { memory, count in
      var writer = ByteWriter(memory)
      let now = MachineTime.now
      let offset = MachineTime.offset(atLocal: Int64(now / 1_000_000))
      sink.header.write(
        severity: SyslogHeader.severity(of: level),
        at: Timestamp(microseconds: now, utcOffset: Int32(offset)),
        processID: UInt32(bitPattern: ProcessControl.processID), into: &writer)
      writer.append(text.span)
      count = writer.count
    }
    _ = message.withUnsafeBytes { SyslogSocket.send(descriptor, $0) }
  }
}
