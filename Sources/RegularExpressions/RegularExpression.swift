// Regular expressions as nginx has them, by PCRE2.

import CPCRE2

/// Why a pattern is none.
public struct RegularExpressionError: Error, Equatable, Sendable {
  /// UTF-8 offset in the pattern.
  public let offset: Int
  /// What is wrong, in PCRE2's words, without a full stop.
  public let message: String
}

/// A pattern, compiled once, to machine code where the system allows that. It compares bytes and
/// may be used by any number of threads, each with a `MatchSpace` of its own.
public final class RegularExpression: @unchecked Sendable {
  /// A group with a name.
  public struct NamedGroup: Equatable, Sendable {
    /// The name as written.
    public let name: String
    /// The group's number, from 1.
    public let number: Int
  }

  /// The pattern as it was given.
  public let pattern: String
  /// How many groups it captures, the whole match not counted.
  public let groupCount: Int
  /// True when it can match at the begin of a subject only.
  public let isAnchored: Bool
  /// False where the system forbids machine code that is made at run time: matches take several
  /// times as long.
  public let isMachineCode: Bool
  /// The groups that have names, by name. Of those that share one, the first.
  public let namedGroups: [NamedGroup]
  let code: OpaquePointer
  /// Stands for the expression in tables of plain values, as long as the expression lives.
  public var handle: UInt { UInt(bitPattern: code) }

  /// Compiles `pattern`. Throws when it is no expression, or one that matching could not bound.
  public init(
    _ pattern: String, ignoresCase: Bool = false
  ) throws(RegularExpressionError) {
    var error: Int32 = 0
    var offset = 0
    // \C could split nothing here, but leaves JIT; a pattern never sets its own limits.
    var options = UInt32(PCRE2_NEVER_BACKSLASH_C)
    if ignoresCase { options |= UInt32(PCRE2_CASELESS) }
    let bytes = Array(pattern.utf8)
    guard bytes.count <= MatchLimits.patternBytes else {
      throw RegularExpressionError(
        offset: 0, message: "the pattern is longer than \(MatchLimits.patternBytes) bytes")
    }
    guard let code = pcre2_compile_8(bytes, bytes.count, options, &error, &offset, nil) else {
      throw RegularExpressionError(
        offset: min(offset, bytes.count), message: Self.message(of: error))
    }
    // Without JIT, as on systems that forbid it, matching interprets the pattern.
    _ = pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE))
    self.code = code
    self.pattern = pattern
    groupCount = Int(Self.number(PCRE2_INFO_CAPTURECOUNT, of: code))
    isAnchored = Self.number(PCRE2_INFO_ALLOPTIONS, of: code) & UInt32(PCRE2_ANCHORED) != 0
    var machineCodeBytes = 0
    _ = pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_JITSIZE), &machineCodeBytes)
    isMachineCode = machineCodeBytes > 0
    namedGroups = Self.namedGroups(of: code)
  }

  deinit { pcre2_code_free_8(code) }

  private static func message(of error: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = pcre2_get_error_message_8(error, &buffer, buffer.count)
    return String(decoding: buffer.prefix(max(0, Int(count))), as: UTF8.self)
  }

  private static func number(_ what: Int32, of code: OpaquePointer) -> UInt32 {
    var value: UInt32 = 0
    _ = pcre2_pattern_info_8(code, UInt32(what), &value)
    return value
  }

  private static func namedGroups(of code: OpaquePointer) -> [NamedGroup] {
    var table: UnsafePointer<UInt8>?
    _ = pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMETABLE), &table)
    let entrySize = Int(number(PCRE2_INFO_NAMEENTRYSIZE, of: code))
    guard let table, entrySize > 2 else { return [] }
    return (0..<Int(number(PCRE2_INFO_NAMECOUNT, of: code))).map { index in
      // Two bytes of number, the most significant first, then the name and a zero.
      let entry = table + index * entrySize
      let number = Int(entry[0]) << 8 | Int(entry[1])
      return NamedGroup(name: String(cString: entry + 2), number: number)
    }
  }
}

/// Bounds on expressions. Each has its unit in the name and its reason.
public enum MatchLimits {
  /// Bytes of a pattern: longer ones are lists, which `map` looks up faster.
  public static let patternBytes = 16 * 1024
  /// Steps of one match from one place of the subject on, as PCRE2 counts them: some milliseconds
  /// at most, so that no pattern and no path can hold a worker.
  public static let steps: UInt32 = 100_000
  /// The same for a long subject, in which a match is tried from each place on: what a pattern
  /// takes that goes over the rest of it once.
  public static let leastSteps: UInt32 = 10_000
  /// Steps from all places of a subject together, as far as `leastSteps` allows.
  public static let allSteps = 10_000_000

  /// Steps from one place on of a subject of that many bytes.
  static func steps(forBytes count: Int) -> UInt32 {
    guard count > allSteps / Int(steps) else { return steps }
    return max(leastSteps, UInt32(clamping: allSteps / count))
  }

  /// KiB that one match may take from the heap where it does not fit the stack of JIT.
  public static let heapKiB: UInt32 = 1024
  /// Bytes of the stack that compiled patterns use: what nested groups over a long path need.
  public static let stackBytes = 256 * 1024
}
