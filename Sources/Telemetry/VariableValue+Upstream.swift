import Basics
import HTTP

/// Variables of the backends tried. With several tries they are lists, one element for each try in
/// order, `, ` between them and `-` for what an attempt does not have: as nginx writes them.
extension ExchangeRecord {
  @_addressableSelf
  func writeUpstreamValue(
    _ variable: Variable, as form: ValueForm, into writer: inout ByteWriter
  ) -> Bool {
    if variable == .tries {
      writer.append(decimal: UInt64(tryCount))
      return true
    }
    guard tryCount > 0 else { return false }
    let last = max(keptTryCount, 1) - 1
    for index in 0...last {
      if index > 0 { writer.append(", ") }
      if tryCount == 1 || index == last {
        writeLastTry(variable, as: form, into: &writer)
      } else {
        writeEarlierTry(variable, index, as: form, into: &writer)
      }
    }
    return true
  }

  /// The last try is known in full.
  @_addressableSelf
  private func writeLastTry(
    _ variable: Variable, as form: ValueForm, into writer: inout ByteWriter
  ) {
    switch variable {
    case .upstreamAddress: writer.append(upstream.span, as: form)
    case .upstreamStatus: writer.appendStatusOrDash(upstreamStatus)
    case .upstreamConnectTime: writer.appendTimeOrDash(upstreamConnect)
    case .upstreamHeaderTime: writer.appendTimeOrDash(upstreamFirstByte)
    default: writer.appendTimeOrDash(upstreamDuration)
    }
  }

  @_addressableSelf
  private func writeEarlierTry(
    _ variable: Variable, _ index: Int, as form: ValueForm, into writer: inout ByteWriter
  ) {
    switch variable {
    case .upstreamAddress: writer.append(tries.span[index].peer.span, as: form)
    case .upstreamStatus: writer.appendStatusOrDash(tries.span[index].status)
    case .upstreamResponseTime: writer.appendTimeOrDash(tries.span[index].duration)
    default: writer.append("-")
    }
  }
}

extension ByteWriter {
  fileprivate mutating func appendStatusOrDash(_ status: UInt16) {
    if status == 0 { append("-") } else { append(decimal: UInt64(status)) }
  }

  fileprivate mutating func appendTimeOrDash(_ interval: Interval) {
    guard interval != .endless else { return append("-") }
    append(microsecondsAsMilliseconds: interval.microseconds)
  }
}
