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
      writer.append(event.name)
      return event != .end
    case .gzipRatio: return writeRatio(of: .gzip, into: &writer)
    case .brotliRatio: return writeRatio(of: .brotli, into: &writer)
    case .limitConnectionStatus:
      writer.append(limitConnectionStatus.name)
      return limitConnectionStatus != .none
    case .grpcStatus:
      guard grpcStatus != .max else { return false }
      writer.append(decimal: UInt64(grpcStatus))
      return true
    case .limitRequestStatus:
      writer.append(limitRequestStatus.name)
      return limitRequestStatus != .none
    case .termination: return writeTermination(into: &writer)
    // Found, but empty, before it has completed: nginx writes no `-` either.
    default: if hasEnded && !isTerminated { writer.append("OK") }
    }
    return true
  }

  func writeTimeValue(_ variable: Variable, into writer: inout ByteWriter) -> Bool {
    switch variable {
    case .requestTime: writer.append(microsecondsAsMilliseconds: duration.microseconds)
    case .dateGMT: lineTime.writeDate(isLocal: false, into: &writer)
    case .dateLocal: lineTime.writeDate(isLocal: true, into: &writer)
    case .timeISO8601: lineTime.writeISO8601(into: &writer)
    case .timeLocal: lineTime.writeLocal(into: &writer)
    case .timeRFC3339: lineTime.writeRFC3339(into: &writer)
    default: lineTime.writeMilliseconds(into: &writer)
    }
    return true
  }

  /// Notes that all of the content has been packed, and to how much.
  public mutating func noteCompression(_ compression: Compression, from: UInt64, to: UInt64) {
    self.compression = compression
    compressedFrom = from
    compressedTo = to
  }

  /// How many bytes one byte of the packed content stands for, rounded to hundredths as in nginx.
  private func writeRatio(of kind: Compression, into writer: inout ByteWriter) -> Bool {
    guard compression == kind, compressedTo > 0 else { return false }
    var hundredths = compressedFrom &* 100 / compressedTo
    if compressedFrom &* 1000 / compressedTo % 10 > 4 { hundredths += 1 }
    writer.append(decimal: hundredths / 100)
    writer.append(".")
    writer.append(decimal: hundredths % 100, width: 2)
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
