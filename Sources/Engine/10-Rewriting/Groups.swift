// What regular expressions matched: subjects are kept, and groups are ranges of them.

import Basics
import HTTP
import Plan
import Platform
import Policy
import RegularExpressions
import Telemetry

extension Worker where K: ~Copyable {
  /// Matches a text that is kept. Its groups hold from then on if it does.
  mutating func matchKept(
    _ index: Int, _ subject: ByteRange, _ exchange: ExchangePointer
  ) -> MatchOutcome {
    let expression = tables.expressions.address(of: index)
    let outcome = matches.match(
      handle: expression.pointee.handle, groupCount: expression.pointee.groupCount,
      isAnchored: expression.pointee.isAnchored, kept(subject, exchange).span)
    switch outcome {
    case .matched: noteGroups(expression, exchange, at: Int(subject.start))
    case .none: break
    case .exhausted: reportExhausted(expression, exchange)
    }
    return outcome
  }

  /// Notes where the groups of the expression that has just matched lie in a subject that is kept
  /// at `start`.
  mutating func noteGroups(
    _ expression: UnsafePointer<ExpressionPlan>, _ exchange: ExchangePointer, at start: Int
  ) {
    exchange.pointee.record.hasCaptures = true
    let count = min(expression.pointee.groupCount, exchange.pointee.record.groups.count)
    for index in 0..<count {
      exchange.pointee.record.groups[index] = matches.keptRange(ofGroup: index + 1, start)
    }
    exchange.pointee.record.groupCount = UInt8(count)
    let named = expression.pointee.namedGroups
    guard !named.isEmpty else { return }
    let state = computingState(exchange)
    for index in named.indices {
      setValue(named[index].slot, matches.keptRange(ofGroup: named[index].number, start), state)
    }
  }

  /// Keeps what the groups of an expression that has just matched hold of `subject`; false when
  /// there is no room.
  mutating func keepGroups(
    _ expression: UnsafePointer<ExpressionPlan>, _ subject: Span<UInt8>,
    _ exchange: ExchangePointer
  ) -> Bool {
    exchange.pointee.record.groupCount = 0
    guard tables.keepsGroups, expression.pointee.groupCount > 0 else { return true }
    guard let range = keep(subject, exchange) else { return false }
    noteGroups(expression, exchange, at: Int(range.start))
    return true
  }

  /// Says that nobody knows whether an expression matches.
  @inline(never) mutating func reportExhausted(
    _ expression: UnsafePointer<ExpressionPlan>, _ exchange: ExchangePointer
  ) {
    report(.error, "expression", exchange, exchange.pointee.downstream) { line in
      line.append("the regular expression \"")
      line.append(expression.pointee.pattern.span)
      line.append("\" took too many steps on this request; simplify it")
    }
  }
}

extension MatchSpace {
  /// Where a group of the last match lies once its subject is kept at `start`. One that took no
  /// part is empty, as in nginx.
  fileprivate func keptRange(ofGroup group: Int, _ start: Int) -> ByteRange {
    guard let range = range(ofGroup: group) else { return .empty }
    return ByteRange(start: start + range.lowerBound, count: range.count)
  }
}
