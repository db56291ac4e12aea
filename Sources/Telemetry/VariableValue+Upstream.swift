import Basics
import HTTP

/// Variables of the backends tried. With several tries they are lists, one element for each try in
/// order, `, ` between them, ` : ` where an internal redirect led to another upstream, and `-` for
/// what an attempt does not have: as nginx writes them.
extension ExchangeRecord {
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
      if index > 0 { writer.append(startsUpstream(index) ? " : " : ", ") }
      if tryCount == 1 || index == last {
        writeLastTry(variable, as: form, into: &writer)
      } else {
        writeEarlierTry(variable, index, as: form, into: &writer)
      }
    }
    return true
  }

  /// True when the try is the first of another upstream than the one before it.
  public func startsUpstream(_ index: Int) -> Bool {
    upstreamStarts &>> UInt16(truncatingIfNeeded: index) & 1 != 0
  }

  /// The status of a try as nginx tells it: 504 when time ran out, 502 for all else that failed
  /// before there was a response.
  private func triedStatus(_ status: UInt16, _ index: Int) -> UInt16 {
    guard status == 0 else { return status }
    switch tries.span[index].error {
    case .none, .clientClosed, .requestAborted, .proxyShutdown, .clientTimeout: return 0
    case .connectionTimeout, .connectionWriteTimeout, .httpResponseTimeout: return 504
    default: return 502
    }
  }

  /// The last try is known in full.
  private func writeLastTry(
    _ variable: Variable, as form: ValueForm, into writer: inout ByteWriter
  ) {
    switch variable {
    case .upstreamAddress: writer.append(upstream.span, as: form)
    case .upstreamStatus:
      // What stands at its place before it has ended is an earlier request's.
      let isOver = upstreamDuration != .endless && tryCount <= tries.count
      let status = isOver ? triedStatus(upstreamStatus, tryCount - 1) : upstreamStatus
      writer.appendStatusOrDash(status)
    case .upstreamConnectTime: writer.appendTimeOrDash(upstreamConnect)
    case .upstreamHeaderTime: writer.appendTimeOrDash(upstreamFirstByte)
    default: writer.appendTimeOrDash(upstreamDuration)
    }
  }

  private func writeEarlierTry(
    _ variable: Variable, _ index: Int, as form: ValueForm, into writer: inout ByteWriter
  ) {
    switch variable {
    case .upstreamAddress: writer.append(tries.span[index].peer.span, as: form)
    case .upstreamStatus:
      writer.appendStatusOrDash(triedStatus(tries.span[index].status, index))
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
