// From the path of a conf file to a plan, or to the messages that say what is wrong with it.

import Configuration
import Plan
import Platform
import Policy

/// Compiles the conf file at `path` for those who only look up in it where something is, and prints
/// its diagnostics; nil when it has errors.
func loadConfiguration(path: String) -> Plan? {
  compileAndReport(path: path, for: .reading)?.plan
}

/// The same, with what the text came from. The errors go to `channel`, too.
func compileAndReport(
  path: String, for purpose: ConfigurationPurpose = .serving, to channel: HandoverChannel? = nil
) -> CompiledConfiguration? {
  let compiled = compileConfiguration(path: path, environment: .system, purpose: purpose)
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
func testConfiguration(path: String, listsDifferences: Bool) -> ExitStatus {
  guard let compiled = compileAndReport(path: path), let plan = compiled.plan else {
    return .usage
  }
  do throws(ProcessProblem) {
    try StartCheck(plan).perform()
  } catch {
    report("configuration \(path) can't be used: \(error.message)")
    return .failure
  }
  report("configuration \(path) is valid")
  for line in summary(compiled, isComplete: listsDifferences) {
    ProcessControl.print(line + "\n", to: 2)
  }
  return .success
}

/// What there is to know of a configuration that is valid; nothing of one that means here exactly
/// what it means in nginx.
private func summary(_ compiled: CompiledConfiguration, isComplete: Bool) -> [String] {
  var lines: [String] = []
  let uses = compiled.needless.values.reduce(0, +)
  if uses > 0 {
    let names = compiled.needless.keys.sorted().joined(separator: ", ")
    lines.append("\(uses) \(uses == 1 ? "directive has" : "directives have") no effect: \(names)")
  }
  let warnings = compiled.diagnostics.count { $0.severity == .warning }
  if warnings > 0 {
    lines.append("\(warnings) \(warnings == 1 ? "warning" : "warnings"), see above")
  }
  let count = compiled.differenceCounts.values.reduce(0, +)
  guard count > 0 else { return lines }
  if isComplete { return lines + compiled.differences.map(\.text) }
  let names = compiled.differenceCounts.keys.sorted().joined(separator: ", ")
  lines.append(
    "\(count) defaults differ from nginx's (list them with waybill -t --nginx): \(names)")
  return lines
}

/// `-T`
func printConfiguration(path: String) -> ExitStatus {
  // To print needs no right to read keys; -t does all of the test.
  guard let compiled = compileAndReport(path: path, for: .explaining) else { return .usage }
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
