// What this process was started with. `CommandLine.arguments` reads it from /proc, which a chroot
// need not have, and is empty when a library loaded by LD_PRELOAD (agents for observing programs do
// that) has set a variable of the environment before the program began.

import CLinux

/// The command line of this process.
public enum ProcessArguments {
  /// The arguments behind the program's name.
  public static var all: [String] { Array(everything.dropFirst()) }

  /// The program's name, as whoever started it gave it.
  static var name: String { everything.first ?? "" }

  private static var everything: [String] {
    var words: [String] = []
    while let word = clinux_argument(Int32(words.count)) { words.append(String(cString: word)) }
    return words
  }
}
