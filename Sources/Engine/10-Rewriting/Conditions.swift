// The conditions of `if`.

import Basics
import HTTP
import Plan
import Platform
import Policy
import RegularExpressions
import Telemetry

extension Worker where K: ~Copyable {
  /// True when an `if` holds; nil when a regular expression could not decide.
  mutating func holds(
    _ step: UnsafePointer<RewriteStep>, _ exchange: ExchangePointer, _ encodes: Bool
  ) -> Bool? {
    if step.pointee.subject.usesOwn { computeVariables(of: step.pointee.subject, exchange) }
    if step.pointee.text.usesOwn { computeVariables(of: step.pointee.text, exchange) }
    let state = computingState(exchange)
    // What is kept from here on is forgotten; a variable's value must not lie behind it.
    let mark = state.pointee.computedCount
    var keepsSubject = false
    let subject = keepComputedValue(step.pointee.subject, exchange, encodes)
    let result: Bool
    switch step.pointee.test {
    case .holds:
      let bytes = kept(subject, exchange)
      result = !(bytes.isEmpty || bytes.count == 1 && bytes[0] == UInt8(ascii: "0"))
    case .equals:
      let other = keepComputedValue(step.pointee.text, exchange, encodes)
      let (left, right) = (kept(subject, exchange), kept(other, exchange))
      result = left.count == right.count && left.elementsEqual(right)
    case .matches:
      switch matchKept(step.pointee.expression, subject, exchange) {
      case .matched: result = true
      case .none:
        exchange.pointee.record.groupCount = 0
        result = false
      case .exhausted: return nil
      }
      keepsSubject = result && tables.expressions[step.pointee.expression].groupCount > 0
    case .file, .folder, .exists, .executable:
      result = isThere(step.pointee.test, subject, exchange)
    }
    if !keepsSubject { state.pointee.computedCount = mark }
    return result != step.pointee.isNegated
  }

  /// True when a path of the file system is that of something of the kind asked for.
  private mutating func isThere(
    _ test: RewriteStep.Test, _ path: ByteRange, _ exchange: ExchangePointer
  ) -> Bool {
    var writer = ByteWriter(filePathMemory)
    writer.append(kept(path, exchange).span)
    writer.append(0)
    guard path.count > 0, !writer.overflowed, writer.count <= Limits.filePathBytes,
      let base = writer.written.baseAddress
    else { return false }
    switch kernel.fileStatus(base, links: LinkRule(.followed)) {
    case .refused(.failed(let error)):
      report(.critical, "rewrite", exchange, exchange.pointee.downstream) { line in
        line.append("\"")
        line.appendEscaped(writer.written.span.extracting(0..<(writer.count - 1)), .standard)
        line.append("\" can't be looked at: system error ")
        line.append(decimal: UInt64(error.code))
      }
      return false
    case .refused: return false
    case .found(let status):
      switch test {
      case .file: return status.kind == .regular
      case .folder: return status.kind == .folder
      case .executable: return status.isExecutable
      default: return status.kind != .special
      }
    }
  }
}
