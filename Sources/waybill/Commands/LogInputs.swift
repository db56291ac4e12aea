// The logs that a command reads: those in the configuration, and those on its command line.

import ArgumentParser
import Basics
import LogReading
import Plan
import Platform
import Telemetry

/// Where the configuration is, for commands that only look up something in it.
struct ConfigurationPath: ParsableArguments {
  /// Where it is when nobody says otherwise.
  static let usual = "/etc/waybill/waybill.conf"
  /// The variable of the environment that says otherwise.
  static let variable = "WAYBILL_CONF"

  @Option(
    name: [.customShort("c"), .customLong("config")],
    help: ArgumentHelp(
      "The configuration (default: $\(variable), or \(usual)).", valueName: "file"),
    completion: .file())
  var path: String?

  /// What somebody has said, on the command line or in the environment; an empty variable says
  /// nothing.
  var given: String? { path ?? ConfigurationPath.environment }

  /// What the environment says.
  static var environment: String? {
    EnvironmentVariable.value(variable).flatMap { $0.isEmpty ? nil : $0 }
  }
}

/// The logs of a configuration.
struct ConfiguredLogs {
  private(set) var accessPaths: [String] = []
  private(set) var errorPaths: [String] = []
  /// True when lines go to stdout or stderr, where no tool finds them.
  private(set) var usesStandardStream = false
  /// Reads lines in the formats of the access logs.
  private(set) var reader = EntryReader()

  /// The logs of the configuration at `path`; nil when it has errors, which are reported.
  init?(path: String) {
    guard let plan = loadConfiguration(path: path) else { return nil }
    let tables = plan.tables
    var formats: [LogFormat] = []
    for index in tables.locations.indices {
      let logs = tables.locations[index].accessLogs
      for log in logs.indices {
        add(tables.sinks[logs[log].sink], to: \.accessPaths)
        formats.append(logs[log].format)
      }
      add(tables.locations[index].errorLogs, tables)
    }
    add(tables.errorLogs, tables)
    reader = withExtendedLifetime(plan) { EntryReader(formats: formats) }
  }

  private mutating func add(_ logs: FrozenArray<ErrorLogPlan>, _ tables: PlanTables) {
    for index in logs.indices { add(tables.sinks[logs[index].sink], to: \.errorPaths) }
  }

  private mutating func add(
    _ sink: LogSinkPlan, to paths: WritableKeyPath<ConfiguredLogs, [String]>
  ) {
    guard sink.destination == .file else {
      if sink.destination != .syslog { usesStandardStream = true }
      return
    }
    let path = sink.path.text
    if !self[keyPath: paths].contains(path) { self[keyPath: paths].append(path) }
  }
}

/// Files that were opened, and what could not be.
struct OpenedLogs {
  private(set) var files: [ReadableFile] = []
  /// True once something that was asked for could not be read.
  private(set) var hasFailed = false

  /// Opens `path`; a folder's files instead when `entersFolders`.
  mutating func open(_ path: String, entersFolders: Bool = false, isStandardInput: Bool = false) {
    if entersFolders, LogFolder.isFolder(path) {
      switch LogFolder.files(in: path) {
      case .success(let paths): for path in paths { open(path) }
      case .failure(let error): fail(path, error.describe())
      }
      return
    }
    switch isStandardInput ? ReadableFile.standardInput() : ReadableFile.open(path: path) {
    case .success(let file):
      if !files.contains(where: { $0.identity == file.identity }) { files.append(file) }
    case .failure(let error): fail(path, error.describe())
    }
  }

  /// Opens a log and what rotation has made of it, oldest first.
  mutating func openWithRotated(_ path: String) {
    for path in OpenedLogs.rotated(path) + [path] { open(path) }
  }

  /// What rotation has made of a log, oldest first.
  static func rotated(_ path: String) -> [String] {
    let siblings = LogFolder.siblings(of: path).filter {
      RotatedName($0).isRotated && RotatedName($0).base == path
    }
    return RotatedName.ordered(siblings)
  }

  /// Says that a file could not be read.
  mutating func fail(_ path: String, _ reason: String) {
    report("\(path): \(reason)")
    hasFailed = true
  }
}
