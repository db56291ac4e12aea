import Basics
import HTTP
import Policy

/// The values of variables, with nginx's meaning. One exhaustive switch sends each variable to the
/// place that knows it; each of these writes the value and returns false when there is none.
extension ExchangeRecord {
  func writeValue(
    _ part: TemplatePart, _ head: borrowing RequestHead,
    _ bytes: borrowing ExchangeBytes,
    as form: ValueForm, into writer: inout ByteWriter
  ) -> Bool {
    switch part.variable {
    case .absent: return false
    case .literal, .hostname:
      writer.append(part.text.span)
      return true
    case .argument, .cookie, .requestField, .arguments, .contentLength, .contentType, .host,
      .isArguments, .proxyAddXForwardedFor, .remoteUser, .request, .requestMethod, .requestURI,
      .serverProtocol, .uri:
      return writeRequestValue(part, head, bytes, as: form, into: &writer)
    case .remoteAddress, .remotePort, .binaryRemoteAddress, .https, .realIPRemoteAddress,
      .realIPRemotePort, .serverAddress,
      .serverPort, .serverName, .connection, .connectionRequests, .scheme, .pipe, .processID,
      .generation,
      .proxyHost, .proxyProtocolAddress, .proxyProtocolPort:
      return writePlaceValue(part.variable, as: form, into: &writer)
    case .sslCipher, .sslClientIssuer, .sslClientSubject, .sslClientVerify, .sslProtocol,
      .sslServerName, .sslSessionReused:
      return writeSecureValue(part.variable, as: form, into: &writer)
    case .sslClientCertificate, .sslClientEscapedCertificate, .sslClientRawCertificate,
      .sslClientFingerprint, .sslClientSerial:
      return writeCertificate(part.variable, bytes, as: form, into: &writer)
    case .requestID, .idSource, .clientRequestID, .upstreamRequestID:
      return writeIdentityValue(part.variable, as: form, into: &writer)
    case .bodyBytesSent, .bytesIn, .bytesOut, .bytesSent, .requestLength, .status, .level, .error,
      .event, .termination, .requestCompletion, .brotliRatio, .gzipRatio, .grpcStatus,
      .limitConnectionStatus,
      .limitRequestStatus:
      return writeOutcomeValue(part.variable, into: &writer)
    case .milliseconds, .requestTime, .timeISO8601, .timeLocal, .timeRFC3339, .dateGMT, .dateLocal:
      return writeTimeValue(part.variable, into: &writer)
    case .tries, .upstreamAddress, .upstreamConnectTime, .upstreamHeaderTime,
      .upstreamResponseTime, .upstreamStatus:
      return writeUpstreamValue(part.variable, as: form, into: &writer)
    case .traceID, .spanID, .parentID, .parentIsSampled, .serverTiming:
      return writeTraceValue(part.variable, into: &writer)
    case .captured:
      return writeCaptured(slot: Int(part.slot), bytes, as: form, into: &writer)
    case .group: return writeGroup(Int(part.slot), bytes, as: form, into: &writer)
    case .own:
      guard Int(part.slot) < bytes.values.count else { return false }
      let range = bytes.values[Int(part.slot)]
      guard range != .absent else { return false }
      writer.append(bytes.computed.part(range), as: form)
      return true
    }
  }

  /// A response field's value that was kept.
  private func writeCaptured(
    slot: Int, _ bytes: borrowing ExchangeBytes, as form: ValueForm,
    into writer: inout ByteWriter
  ) -> Bool {
    guard hasCaptures, slot < captures.count else { return false }
    return writer.appendIfPresent(bytes.captured.part(captures.span[slot]), as: form)
  }

  /// What a group of a regular expression matched; it may be nothing.
  private func writeGroup(
    _ number: Int, _ bytes: borrowing ExchangeBytes, as form: ValueForm,
    into writer: inout ByteWriter
  ) -> Bool {
    guard number <= groupCount, groups[number - 1] != .absent else { return false }
    let value = bytes.computed.part(groups[number - 1])
    if form == .rewritten { writer.appendArgument(value) } else { writer.append(value, as: form) }
    return true
  }

  private func writeIdentityValue(
    _ variable: Variable, as form: ValueForm, into writer: inout ByteWriter
  ) -> Bool {
    switch variable {
    case .requestID: return writer.appendIfPresent(requestID.span, as: form)
    case .clientRequestID: return writer.appendIfPresent(clientRequestID.span, as: form)
    case .upstreamRequestID: return writer.appendIfPresent(upstreamRequestID.span, as: form)
    default:
      writer.append(idSource.name)
      return idSource != .none
    }
  }
}

extension ByteWriter {
  /// Appends a value; false when it is empty.
  @inline(__always)
  mutating func appendIfPresent(_ value: Span<UInt8>, as form: ValueForm) -> Bool {
    guard value.count > 0 else { return false }
    append(value, as: form)
    return true
  }
}
