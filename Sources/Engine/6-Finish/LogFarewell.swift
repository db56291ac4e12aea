// How a worker's logs end. What a log did not take is left to the process, which writes it for as
// long as it lives; what can't be left is counted and said.

import Basics
import HTTP
import Plan
import Platform
import Policy

extension Worker where K: ~Copyable {
  /// Writes all that waits, whatever the time.
  mutating func flushAllLogs() {
    for index in logs.indices where logs[index].count > 0 { write(sink: index) }
  }

  /// Ends all logs, when nothing is written any more.
  mutating func closeLogs() {
    precondition(exchanges.count == 0, "closeLogs: an exchange is under way")
    let limit = Limits.leftLogQueues * logs.queueBytes
    leaveAllLines(limit: limit)
    for index in logs.indices { countUnleftLines(sink: index) }
    reportDroppedLines()
    // What was just said, for which there is always room.
    flushAllLogs()
    leaveAllLines(limit: limit + Limits.leftReportBytes)
    for index in logs.indices where logs[index].descriptor != .none {
      kernel.closeLog(logs[index].descriptor)
      logs[index].descriptor = .none
    }
  }

  private mutating func leaveAllLines(limit: Int) {
    for index in logs.indices where logs[index].count > 0 {
      settle(sink: index, taken: leaveLines(sink: index, limit: limit))
    }
  }

  /// Leaves what waits for a log to the process; returns how many bytes it took over.
  private mutating func leaveLines(sink index: Int, limit: Int) -> Int {
    precondition(logs[index].count > 0, "leaveLines: nothing waits")
    let sink = logs[index]
    let lines = UnsafeRawBufferPointer(start: sink.lines, count: sink.count)
    if logs.isSyslog(index) {
      return kernel.leaveSyslog(
        address: sink.plan.server, unixPath: sink.plan.serverPath, lines, limit: limit)
    }
    return sink.descriptor == .none ? 0 : kernel.leaveLog(sink.descriptor, lines, limit: limit)
  }

  /// Counts the lines that could not be left, and asks for a report of all that were lost.
  private mutating func countUnleftLines(sink index: Int) {
    let sink = logs[index]
    for place in 0..<sink.count where sink.lines[place] == 0x0a {
      logs[index].droppedCount &+= 1
    }
    settle(sink: index, taken: sink.count)
    logs[index].owesReport = logs[index].droppedCount | logs[index].lateCount > 0
  }
}
