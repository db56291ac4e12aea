/// How many checks make a verdict.
public struct CheckRule: Equatable, Sendable, BitwiseCopyable {
  /// `fails`: consecutive checks that fail make a peer unhealthy.
  public var fails: UInt32 = 1
  /// `passes`: consecutive checks that pass make it healthy again.
  public var passes: UInt32 = 1
  /// `mandatory`: a peer serves only once a check of it has passed.
  public var isMandatory = false

  /// One of each.
  public init() {}
}

/// What the checks of one peer have come to.
public struct CheckProgress: Equatable, Sendable, BitwiseCopyable {
  /// What they say.
  public private(set) var verdict: CheckVerdict
  /// Consecutive checks that have failed; 0 after one that has passed.
  public private(set) var failed: UInt32 = 0
  /// Consecutive checks that have passed; 0 after one that has failed.
  public private(set) var passed: UInt32 = 0

  /// No check yet.
  public init(_ rule: CheckRule) { verdict = rule.isMandatory ? .awaited : .unchecked }

  /// Takes the result of a check. True when the verdict has changed.
  ///
  /// One that has not been checked yet is healthy after its first check that passes, and unhealthy
  /// after `fails` that don't; from there on `passes` are needed.
  public mutating func note(passed hasPassed: Bool, _ rule: CheckRule) -> Bool {
    let before = verdict
    if hasPassed {
      passed = passed == .max ? .max : passed + 1
      failed = 0
      let needed = verdict == .failing ? rule.passes : 1
      if passed >= needed { verdict = .passing }
    } else {
      failed = failed == .max ? .max : failed + 1
      passed = 0
      if failed >= rule.fails { verdict = .failing }
    }
    return verdict != before
  }
}

extension CheckVerdict {
  /// The verdict of two checks of the same peer: the worse one counts.
  public func combined(with other: CheckVerdict) -> CheckVerdict {
    for verdict in [CheckVerdict.failing, .awaited, .passing] {
      if self == verdict || other == verdict { return verdict }
    }
    return .unchecked
  }
}
