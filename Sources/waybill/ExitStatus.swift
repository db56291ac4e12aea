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

/// Prints a line about the program for whoever started it.
func report(_ message: String) {
  StandardStream.notice("waybill: \(message)")
}
