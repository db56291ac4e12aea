// `stub_status`: nginx's page of numbers.

import Basics
import Platform
import Telemetry

extension Metrics {
  /// Connections of clients to all workers, and those of them that carry no request.
  var clientCounts: (active: UInt64, idle: UInt64) {
    let workers = workerTotals()
    let active = workers.reduce(0) { $0 &+ $1[WorkerCells.clients] }
    let idle = workers.reduce(0) { $0 &+ $1[WorkerCells.idleClients] }
    return (active, min(idle, active))
  }

  /// The page, in memory that the caller deallocates.
  func stubStatus() -> UnsafeMutableBufferPointer<UInt8> {
    let workers = workerTotals()
    func sum(_ cell: Int) -> UInt64 { workers.reduce(0) { $0 &+ $1[cell] } }
    let (active, waiting) = clientCounts
    let accepted = sum(WorkerCells.accepted)
    let handled = accepted &- min(accepted, sum(WorkerCells.refused))
    let idSources = WorkerCells.idSources..<WorkerCells.idSources + WorkerCells.idSourceCount
    // Those under way, this one among them, are not counted there yet.
    let running = max(1, sum(WorkerCells.exchanges))
    let requests = idSources.reduce(running) { $0 &+ sum($1) }
    let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 512)
    var writer = ByteWriter(memory)
    writer.append("Active connections: ")
    writer.append(decimal: active)
    writer.append(" \nserver accepts handled requests\n ")
    writer.append(decimal: accepted)
    writer.append(" ")
    writer.append(decimal: handled)
    writer.append(" ")
    writer.append(decimal: requests)
    writer.append(" \nReading: 0 Writing: ")
    writer.append(decimal: active - waiting)
    writer.append(" Waiting: ")
    writer.append(decimal: waiting)
    writer.append(" \n")
    return UnsafeMutableBufferPointer(rebasing: memory[..<writer.count])
  }
}
