import Basics
import Plan
import Telemetry

/// The log files of a configuration, each once, whoever writes to it.
struct SinkTable {
  private struct Entry {
    var destination: LogDestination
    var buffer: AccessLogSetting?
    var isAhead = false
    var rotation: (setting: LogRotationSetting, place: Place)?
  }

  private var entries: [Entry] = []
  private var indices: [LogDestination: Int] = [:]

  /// Index of the sink of a destination.
  mutating func index(of destination: LogDestination) -> Int {
    if let known = indices[destination] { return known }
    indices[destination] = entries.count
    entries.append(Entry(destination: destination))
    return entries.count - 1
  }

  /// Index of the sink of an access log; nil when another access log has the same destination with
  /// another buffer: `first` is that one then.
  mutating func index(of log: AccessLogSetting, first: inout AccessLogSetting?) -> Int? {
    let index = index(of: log.destination)
    if log.isAhead { entries[index].isAhead = true }
    guard let known = entries[index].buffer else {
      entries[index].buffer = log
      return index
    }
    first = known
    let isSame =
      known.bufferBytes == log.bufferBytes && known.flushInterval == log.flushInterval
    return isSame ? index : nil
  }

  /// Sets how a sink's file is rotated. Nil when that worked, else where another rotation of the
  /// same file was asked for. Whoever says nothing of rotation agrees with everything.
  mutating func rotate(_ index: Int, _ setting: LogRotationSetting?, _ place: Place) -> Place? {
    guard let setting else { return nil }
    guard let known = entries[index].rotation else {
      entries[index].rotation = (setting, place)
      return nil
    }
    return known.setting == setting ? nil : known.place
  }

  /// The sinks in order.
  func plans(_ arena: Arena, hostname: String) -> [LogSinkPlan] {
    entries.map { entry in
      var plan = LogSinkPlan(
        destination: .file, path: .empty, bufferBytes: entry.buffer?.bufferBytes ?? 0,
        flushInterval: entry.buffer?.flushInterval ?? .endless)
      switch entry.destination {
      case .file(let name): plan.path = arena.freeze(name)
      case .stdout: (plan.destination, plan.path) = (.stdout, arena.freeze("stdout"))
      case .stderr: (plan.destination, plan.path) = (.stderr, arena.freeze("stderr"))
      case .syslog(let setting): address(&plan, setting, arena, hostname: hostname)
      }
      plan.isAhead = entry.isAhead
      if let rotation = entry.rotation?.setting {
        plan.rotation.bytes = rotation.bytes
        plan.rotation.keep = rotation.keep
        plan.rotation.packs = rotation.packs
      }
      return plan
    }
  }

  private func address(
    _ plan: inout LogSinkPlan, _ setting: SyslogSetting, _ arena: Arena, hostname: String
  ) {
    plan.destination = .syslog
    plan.path = arena.freeze("syslog:\(setting.name)")
    plan.server = setting.server
    plan.serverPath = arena.freeze(setting.serverPath)
    plan.header.facility = setting.facility
    plan.header.severity = setting.severity
    plan.header.isRFC5424 = setting.isRFC5424
    plan.header.host = setting.hasHost ? arena.freeze(hostname) : .empty
    plan.header.tag = arena.freeze(setting.tag)
  }
}
