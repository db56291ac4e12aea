// What this process was started with, from the system itself: `CommandLine.arguments` is empty when
// a library loaded by LD_PRELOAD (agents for observing programs do that) has set a variable of the
// environment before the program began.

/// The command line of this process.
public enum ProcessArguments {
  /// The arguments behind the program's name.
  public static var all: [String] { Array(everything.dropFirst()) }

  /// The program's name, as whoever started it gave it.
  static var name: String { everything.first ?? "" }

  private static var everything: [String] {
    guard case .success(let record) = FileContent.read(path: "/proc/self/cmdline", limit: 1 << 22)
    else { return CommandLine.arguments }
    return split(record)
  }

  /// Each argument of the record ends with a zero byte, empty ones as well.
  private static func split(_ record: [UInt8]) -> [String] {
    record.split(separator: 0, omittingEmptySubsequences: false).dropLast()
      .map { String(decoding: $0, as: UTF8.self) }
  }
}
