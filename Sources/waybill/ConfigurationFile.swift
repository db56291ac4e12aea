// From the path of a conf file to a plan, or to lines that say what is wrong with it.

import Configuration
import Plan
import Platform
import Policy

/// Compiles the conf file at `path` and prints its diagnostics; nil when it has errors.
func loadConfiguration(path: String) -> Plan? {
  compileAndReport(path: path)?.plan
}

/// The same, with what the text came from. The errors go to `channel`, too.
func compileAndReport(
  path: String, to channel: HandoverChannel? = nil
) -> CompiledConfiguration? {
  let compiled = compileConfiguration(path: path, environment: .system)
  for diagnostic in compiled.diagnostics {
    ProcessControl.print(diagnostic.render() + "\n", to: 2)
  }
  guard compiled.plan != nil else {
    let count = compiled.diagnostics.count { $0.severity == .error }
    if count > 1 { report("configuration \(path) has \(count) errors") }
    let errors = compiled.diagnostics.filter { $0.severity == .error }.map { $0.render() }
    let text = errors.joined(separator: "\n").utf8
    channel?.send(.failed, Array(text.prefix(Limits.upgradeReasonBytes)))
    return nil
  }
  return compiled
}

/// `-t`
func testConfiguration(path: String) -> ExitStatus {
  guard loadConfiguration(path: path) != nil else { return .usage }
  report("configuration \(path) is valid")
  return .success
}

/// `-T`
func printConfiguration(path: String) -> ExitStatus {
  guard let compiled = compileAndReport(path: path) else { return .usage }
  var text = ""
  if let control = compiled.plan?.process.control,
    let generation = ControlClient(path: control.path).generation
  {
    text = "# The running process serves generation \(generation).\n"
  }
  return output(text + EffectiveConfiguration.render(compiled))
}

extension ConfigurationEnvironment {
  /// No conf file is larger; a path given by mistake (a log, a disk) shall not fill the memory.
  private static var largestFile: Int { 16 * 1024 * 1024 }

  /// The files and names of this machine.
  static var system: ConfigurationEnvironment {
    ConfigurationEnvironment(
      readFile: { path in
        FileContent.read(path: path, limit: largestFile)
          .mapError { FileProblem(reason: $0.describe()) }
      },
      listFiles: { FileContent.paths(matching: $0) },
      resolve: { host in
        HostName.resolve(host).mapError { ResolveProblem(reason: $0.message) }
      },
      hostname: HostName.own, now: Int(MachineTime.now / 1_000_000))
  }
}
