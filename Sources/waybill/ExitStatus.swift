import ArgumentParser
import Platform

/// How the program ends, for shells and service managers.
enum ExitStatus: Int32 {
  /// All went well.
  case success = 0
  /// Something failed while doing what was asked.
  case failure = 1
  /// The command line or the configuration is wrong.
  case usage = 2

  /// The error that ends a command with this status, when its message has been printed.
  var error: ExitCode { ExitCode(rawValue) }
}

/// Writes to stdout; nil when all is written, else how the command is to end. A reader that has
/// gone has what it wanted (`| head`); any other reason is reported.
func statusAfterWriting(_ bytes: [UInt8]) -> ExitStatus? {
  guard let error = bytes.withUnsafeBytes({ TerminalOutput.write($0) }) else { return nil }
  if error.isClosedPipe { return .success }
  report("can't write to stdout: \(error.describe())")
  return .failure
}

/// Writes all the output of a command to stdout.
func output(_ bytes: [UInt8]) -> ExitStatus { statusAfterWriting(bytes) ?? .success }

/// The same for text.
func output(_ text: String) -> ExitStatus { output(Array(text.utf8)) }

/// Prints a line about the program for whoever started it. What of it came from outside can't end
/// the line or command the terminal.
func report(_ message: String) {
  StandardStream.notice("waybill: \(message)")
}
