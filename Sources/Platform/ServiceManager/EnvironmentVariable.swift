// What whoever started this process has told it.

import Glibc

/// The environment of this process.
public enum EnvironmentVariable {
  /// The variable of that name; nil when it is not set.
  public static func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// The same, if it is a whole number.
  static func number(_ name: String) -> Int? { value(name).flatMap(Int.init) }
}
