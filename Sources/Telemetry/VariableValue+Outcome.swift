import Basics

/// Variables of how an exchange went: status, counts and times.
extension ExchangeRecord {
  func writeOutcomeValue(_ variable: Variable, into writer: inout ByteWriter) -> Bool {
    switch variable {
    case .bodyBytesSent, .bytesOut: writer.append(decimal: contentBytesOut)
    case .bytesIn: writer.append(decimal: contentBytesIn)
    case .bytesSent: writer.append(decimal: bytesSent)
    case .requestLength: writer.append(decimal: requestBytes)
    case .status: writer.append(decimal: UInt64(status), width: 3)
    case .level: writer.append(level.name)
    case .error:
      writer.append(error.name)
      return error != .none
    case .event:
      if event == .upgrade { writer.append("upgrade") }
      return event == .upgrade
    case .limitConnectionStatus:
      writer.append(limitConnectionStatus.name)
      return limitConnectionStatus != .none
    case .limitRequestStatus:
      writer.append(limitRequestStatus.name)
      return limitRequestStatus != .none
    case .termination: return writeTermination(into: &writer)
    // Found, but empty, when it did not complete: nginx writes no `-` either.
    default: if !isTerminated { writer.append("OK") }
    }
    return true
  }

  func writeTimeValue(_ variable: Variable, into writer: inout ByteWriter) -> Bool {
    switch variable {
    case .requestTime: writer.append(microsecondsAsMilliseconds: duration.microseconds)
    case .timeISO8601: lineTime.writeISO8601(into: &writer)
    case .timeLocal: lineTime.writeLocal(into: &writer)
    case .timeRFC3339: lineTime.writeRFC3339(into: &writer)
    default: lineTime.writeMilliseconds(into: &writer)
    }
    return true
  }

  /// `client:response_body`; false when it completed.
  private func writeTermination(into writer: inout ByteWriter) -> Bool {
    guard isTerminated else { return false }
    writer.append(termination.partyName)
    writer.append(":")
    writer.append(termination.phaseName)
    return true
  }
}
