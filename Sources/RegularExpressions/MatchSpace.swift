// Matching without an allocation.

import CPCRE2

/// What came of a match.
public enum MatchOutcome: Equatable, Sendable {
  /// The subject matches; the space holds where.
  case matched
  /// It does not.
  case none
  /// It took more than `MatchLimits` allow, or PCRE2 failed: nobody knows whether it would match.
  case exhausted
}

/// The memory of one thread's matches: made once, for the expression with the most groups. It keeps
/// where the groups of the last successful match lie.
public struct MatchSpace: ~Copyable {
  private let data: OpaquePointer?
  private let context: OpaquePointer?
  private let stack: OpaquePointer?
  private let capacity: Int
  /// The limit that the context has.
  private var steps = MatchLimits.steps
  /// How many groups of the last successful match can have a range, the whole match included.
  public private(set) var groupCount = 0

  /// Room for expressions of at most `groupCount` groups, and the bounds on matching; nil for no
  /// expressions and no room.
  public init(groupCount: Int?) {
    guard let groupCount else {
      (data, context, stack, capacity) = (nil, nil, nil, 0)
      return
    }
    precondition(groupCount >= 0 && groupCount < 65_535, "no expression has so many groups")
    guard let data = pcre2_match_data_create_8(UInt32(groupCount + 1), nil),
      let context = pcre2_match_context_create_8(nil)
    else { fatalError("no memory for regular expressions") }
    pcre2_set_match_limit_8(context, MatchLimits.steps)
    pcre2_set_depth_limit_8(context, MatchLimits.steps)
    pcre2_set_heap_limit_8(context, MatchLimits.heapKiB)
    let stack = pcre2_jit_stack_create_8(32 * 1024, MatchLimits.stackBytes, nil)
    pcre2_jit_stack_assign_8(context, nil, stack.map { UnsafeMutableRawPointer($0) })
    self.data = data
    self.context = context
    self.stack = stack
    capacity = groupCount + 1
  }

  deinit {
    if let data { pcre2_match_data_free_8(data) }
    if let context { pcre2_match_context_free_8(context) }
    if let stack { pcre2_jit_stack_free_8(stack) }
  }

  /// Looks for `expression` anywhere in `subject`, whatever bytes that holds. The groups of an
  /// earlier match are forgotten only by a successful one, as in nginx.
  public mutating func match(
    _ expression: RegularExpression, _ subject: Span<UInt8>
  ) -> MatchOutcome {
    match(
      handle: expression.handle, groupCount: expression.groupCount,
      isAnchored: expression.isAnchored, subject)
  }

  /// The same for an expression that is alive, by its handle and what is known of it.
  public mutating func match(
    handle: UInt, groupCount: Int, isAnchored: Bool, _ subject: Span<UInt8>
  ) -> MatchOutcome {
    precondition(groupCount < capacity, "the space is too small for the expression")
    limitSteps(isAnchored ? MatchLimits.steps : MatchLimits.steps(forBytes: subject.count))
    guard let code = OpaquePointer(bitPattern: handle) else { return .none }
    let result = subject.withUnsafeBufferPointer { bytes in
      var nothing: UInt8 = 0
      return withUnsafePointer(to: &nothing) { empty in
        pcre2_match_8(code, bytes.baseAddress ?? empty, bytes.count, 0, 0, data, context)
      }
    }
    switch result {
    case PCRE2_ERROR_NOMATCH: return .none
    case 0...:
      self.groupCount = groupCount + 1
      return .matched
    default: return .exhausted
    }
  }

  private mutating func limitSteps(_ count: UInt32) {
    guard count != steps else { return }
    steps = count
    pcre2_set_match_limit_8(context, count)
    pcre2_set_depth_limit_8(context, count)
  }

  /// Where a group of the last successful match lies in its subject; 0 is the whole match. Nil for
  /// one that took no part, or that the expression does not have.
  public func range(ofGroup group: Int) -> Range<Int>? {
    guard group >= 0, group < groupCount, let data, let offsets = pcre2_get_ovector_pointer_8(data)
    else {
      return nil
    }
    let (start, end) = (offsets[2 * group], offsets[2 * group + 1])
    // PCRE2 marks a group that took no part with the largest number; \K may put the end first.
    guard start != Int(bitPattern: UInt.max), start <= end else { return nil }
    return Int(start)..<Int(end)
  }
}
