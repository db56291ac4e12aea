import Basics
import Plan

/// The log files of a configuration, each once, whoever writes to it.
struct SinkTable {
  private var entries: [(destination: LogDestination, buffer: AccessLogSetting?)] = []

  /// Index of the sink of a destination.
  mutating func index(of destination: LogDestination) -> Int {
    if let known = entries.firstIndex(where: { $0.destination == destination }) { return known }
    entries.append((destination, nil))
    return entries.count - 1
  }

  /// Index of the sink of an access log; nil when another access log has the same destination with
  /// another buffer: `first` is that one then.
  mutating func index(of log: AccessLogSetting, first: inout AccessLogSetting?) -> Int? {
    let index = index(of: log.destination)
    guard let known = entries[index].buffer else {
      entries[index].buffer = log
      return index
    }
    first = known
    let isSame =
      known.bufferBytes == log.bufferBytes && known.flushInterval == log.flushInterval
    return isSame ? index : nil
  }

  /// The sinks in order.
  func plans(_ arena: Arena) -> [LogSinkPlan] {
    entries.map { entry in
      let kind: LogSinkPlan.Destination
      var path = FrozenBytes.empty
      switch entry.destination {
      case .file(let name):
        kind = .file
        path = arena.freeze(name)
      case .stdout: kind = .stdout
      case .stderr: kind = .stderr
      }
      return LogSinkPlan(
        destination: kind, path: path, bufferBytes: entry.buffer?.bufferBytes ?? 0,
        flushInterval: entry.buffer?.flushInterval ?? .endless)
    }
  }
}
