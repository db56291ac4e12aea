// The command line: `waybill -c FILE` and, spelled out, `waybill run -c FILE`.

import ArgumentParser
import Platform

/// What may be asked with a configuration at hand.
struct ConfigurationOptions: ParsableArguments {
  @OptionGroup var configuration: ConfigurationPath

  @Flag(
    name: [.customShort("t"), .customLong("test")],
    help: "Test the configuration and everything a start would open, then exit.")
  var tests = false

  @Flag(
    name: [.customLong("nginx")],
    help: "With -t: list the defaults that the configuration uses and that differ from nginx's.")
  var listsDifferences = false

  @Flag(
    name: [.customShort("T"), .customLong("test-and-print")],
    help: "Print the configuration and the effective settings, then exit; reads no keys.")
  var prints = false

  @Flag(name: [.customShort("v"), .customLong("version")], help: "Print the version, then exit.")
  var showsVersion = false

  @Option(
    name: [.customShort("s"), .customLong("signal")],
    help: ArgumentHelp(
      "Tell the running process to stop at once, quit after running requests, reopen its logs, "
        + "reload the configuration, or upgrade to the program now on disk.",
      valueName: "stop|quit|reopen|reload|upgrade"))
  var order: Order?

  private var path: String { configuration.given ?? ConfigurationPath.usual }

  /// Does what the options ask.
  func perform() -> ExitStatus {
    if showsVersion {
      return output("waybill \(version)\n")
    }
    if prints { return printConfiguration(path: path) }
    if tests { return testConfiguration(path: path, listsDifferences: listsDifferences) }
    if let order { return send(order, configurationPath: path) }
    return serve(configurationPath: path)
  }
}

/// `waybill`: nothing of its own, so that no option of `run` is taken for one of another command.
struct WaybillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "waybill",
    abstract: "A reverse proxy that gives every request an ID and makes it easy to find.",
    discussion: """
      Without a subcommand, waybill runs the server, with the options of run: waybill [-c FILE] \
      [-t] [-T] [-v] [-s stop|quit|reopen|reload|upgrade]. \"waybill help run\" explains them.
      """,
    subcommands: [
      RunCommand.self, LogsCommand.self, TraceCommand.self, RequestsCommand.self,
      ErrorsCommand.self, UpstreamsCommand.self, StatusCommand.self, ExplainCommand.self,
      WhyCommand.self,
    ],
    defaultSubcommand: RunCommand.self)
}

/// `waybill run`
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run the server in the foreground.",
    discussion: "Example: waybill run -c proxy.conf")

  @OptionGroup var options: ConfigurationOptions

  func run() throws { throw options.perform().error }
}

/// Parses and performs a command line.
func runCommandLine(_ arguments: [String]) -> ExitStatus {
  do {
    var command = try WaybillCommand.parseAsRoot(arguments)
    try command.run()
    return .success
  } catch let code as ExitCode {
    return ExitStatus(rawValue: code.rawValue) ?? .failure
  } catch {
    if WaybillCommand.exitCode(for: error).isSuccess {
      return output(WaybillCommand.fullMessage(for: error) + "\n")
    }
    report("\(oneLine(WaybillCommand.message(for: error))) (see waybill --help)")
    return .usage
  }
}

/// A message of the argument parser in the style of all others: one line, in lower case.
private func oneLine(_ message: String) -> String {
  let line = message.split(separator: "\n").joined(separator: " ")
  let sentence = line.hasSuffix(".") ? line.dropLast() : line[...]
  return sentence.prefix(1).lowercased() + sentence.dropFirst()
}
