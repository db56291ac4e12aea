import Basics
import HTTP
import Policy

/// The JSON access line: the keys of SPEC section 4 in their order, absent when they have no value.
///
/// Every literal holds all that stands between two values, so that a member costs two appends. The
/// methods are `mutating` although only the date is kept: a borrowed record would be copied whole.
extension ExchangeRecord {
  mutating func writeJSONLine(
    _ head: borrowing RequestHead, _ bytes: borrowing ExchangeBytes,
    into writer: inout ByteWriter
  ) {
    writer.append("{\"time\":\"")
    lineTime.writeRFC3339(reusing: &lineDate, into: &writer)
    switch level {
    case .info: writer.append("\",\"level\":\"INFO\"")
    case .warn: writer.append("\",\"level\":\"WARN\"")
    default: writer.append("\",\"level\":\"ERROR\"")
    }
    if event != .end { writeJSONEvent(bytes, into: &writer) }
    writeJSONIdentity(into: &writer)
    writeJSONRequestLine(head, bytes, into: &writer)
    if isSecure { writeJSONSecurity(into: &writer) }
    writeJSONCounts(into: &writer)
    if tryCount > 0 { writeJSONUpstream(into: &writer) }
    if tryCount > 1 { writeJSONTries(into: &writer) }
    if !parts.isEmpty { writeJSONParts(head, bytes, into: &writer) }
    if isTerminated { writeJSONTermination(into: &writer) }
    if error != .none {
      writer.appendMember(",\"error\":\"", name: error.name)
      writer.append("\"")
    }
    writer.appendMember(",\"user_agent\":\"", bytes.firstValue(of: .userAgent, in: head))
    writer.appendMember(",\"referer\":\"", bytes.firstValue(of: .referer, in: head))
    writer.append("}\n")
  }

  /// What kind of line it is, when it is not the one of a request's end.
  private mutating func writeJSONEvent(
    _ bytes: borrowing ExchangeBytes, into writer: inout ByteWriter
  ) {
    writer.appendMember(",\"event\":\"", name: event.name)
    writer.append("\"")
    if event == .subrequest { writer.appendMember(",\"subrequest\":\"", bytes.path) }
  }

  /// What few lines have.
  @inline(never) private mutating func writeJSONParts(
    _ head: borrowing RequestHead, _ bytes: borrowing ExchangeBytes,
    into writer: inout ByteWriter
  ) {
    if parts.contains(.authorization) { writeJSONAuthorization(into: &writer) }
    if parts.contains(.trace) { writeJSONTrace(head, bytes, into: &writer) }
  }

  /// What `auth_request` came to.
  private mutating func writeJSONAuthorization(into writer: inout ByteWriter) {
    writer.append(",\"auth_status\":", decimal: UInt64(authorizationStatus))
    writer.appendMember(",\"auth_upstream\":\"", authorizationPeer.span)
    writer.appendMember(",\"auth_duration\":", authorizationDuration)
  }

  /// Whose request it was, and its place on the connection.
  private mutating func writeJSONIdentity(into writer: inout ByteWriter) {
    if !requestID.isEmpty {
      // Made of characters that stand for themselves, whoever made it.
      writer.append(",\"request_id\":\"", requestID.span, UInt8(ascii: "\""))
    }
    switch idSource {
    case .none: break
    case .generated: writer.append(",\"id_source\":\"generated\"")
    case .client: writer.append(",\"id_source\":\"client\"")
    case .invalid: writer.append(",\"id_source\":\"invalid\"")
    case .duplicate: writer.append(",\"id_source\":\"duplicate\"")
    case .untrusted: writer.append(",\"id_source\":\"untrusted\"")
    case .traceparent: writer.append(",\"id_source\":\"traceparent\"")
    }
    if !clientRequestID.isEmpty {
      writer.appendMember(",\"client_request_id\":\"", clientRequestID.span)
    }
    if !upstreamRequestID.isEmpty {
      writer.appendMember(",\"upstream_request_id\":\"", upstreamRequestID.span)
    }
    writer.append(",\"client\":\"")
    client.writeWithPort(into: &writer)
    writer.append("\",\"connection\":", decimal: connection)
    writer.append(",\"connection_request\":", decimal: UInt64(connectionRequest))
    if stream != 0 { writer.append(",\"stream\":", decimal: UInt64(stream)) }
  }

  /// What was asked for. Of a request line that was never read only the scheme is known.
  private mutating func writeJSONRequestLine(
    _ head: borrowing RequestHead, _ bytes: borrowing ExchangeBytes,
    into writer: inout ByteWriter
  ) {
    if hasRequestLine {
      let method = bytes.head(head.methodRange)
      // The name of a known method needs no escaping.
      if head.method == .other {
        writer.appendMember(",\"method\":\"", method)
      } else {
        writer.append(",\"method\":\"", method, UInt8(ascii: "\""))
      }
    }
    if isSecure {
      writer.append(",\"scheme\":\"https\"")
    } else {
      writer.append(",\"scheme\":\"http\"")
    }
    guard hasRequestLine else { return }
    writer.appendMember(",\"host\":\"", bytes.head(head.authority))
    writer.appendMember(",\"uri\":\"", bytes.head(head.target))
    switch head.version {
    case .http11: writer.append(",\"protocol\":\"HTTP/1.1\"")
    case .http10: writer.append(",\"protocol\":\"HTTP/1.0\"")
    case .http2: writer.append(",\"protocol\":\"HTTP/2.0\"")
    }
  }

  /// The TLS that it came over.
  private mutating func writeJSONSecurity(into writer: inout ByteWriter) {
    writer.appendMember(",\"tls_version\":\"", secure.version.span)
    writer.appendMember(",\"tls_cipher\":\"", secure.cipher.span)
    writer.appendMember(",\"sni\":\"", secure.serverName.span)
    if secure.isResumed { writer.append(",\"tls_resumed\":true") }
    if secure.certificate == .verified {
      writer.appendMember(",\"tls_client\":\"", secure.subject.span)
    }
  }

  /// How it went.
  private mutating func writeJSONCounts(into writer: inout ByteWriter) {
    if status != 0 { writer.append(",\"status\":", decimal: UInt64(status)) }
    if grpcStatus != .max { writer.append(",\"grpc_status\":", decimal: UInt64(grpcStatus)) }
    writer.append(",\"bytes_in\":", decimal: contentBytesIn)
    writer.append(",\"bytes_out\":", decimal: contentBytesOut)
    writer.appendMember(",\"duration\":", duration)
  }

  /// The last try.
  private mutating func writeJSONUpstream(into writer: inout ByteWriter) {
    writer.appendMember(",\"upstream\":\"", upstream.span)
    if upstreamStatus != 0 {
      writer.append(",\"upstream_status\":", decimal: UInt64(upstreamStatus))
    }
    writer.appendMember(",\"upstream_connect\":", upstreamConnect)
    writer.appendMember(",\"upstream_first_byte\":", upstreamFirstByte)
    writer.appendMember(",\"upstream_duration\":", upstreamDuration)
  }

  /// All tries in their order, the last one included.
  private mutating func writeJSONTries(into writer: inout ByteWriter) {
    writer.append(",\"tries\":[")
    for index in 0..<keptTryCount {
      writer.append(index == 0 ? "{\"address\":\"" : ",{\"address\":\"")
      writer.append(tries.span[index].peer.span, as: .json)
      writer.append("\"")
      if parts.contains(.trace) { writeJSONSpan(ofTry: index + 1, into: &writer) }
      let status = tries.span[index].status
      if status != 0 { writer.append(",\"status\":", decimal: UInt64(status)) }
      if tries.span[index].error != .none {
        writer.appendMember(",\"error\":\"", name: tries.span[index].error.name)
        writer.append("\"")
      }
      writer.appendMember(",\"seconds\":", tries.span[index].duration)
      writer.append("}")
    }
    writer.append("]")
  }

  private mutating func writeJSONTermination(into writer: inout ByteWriter) {
    writer.appendMember(",\"termination\":\"", name: termination.partyName)
    writer.appendMember(":", name: termination.phaseName)
    writer.append("\"")
  }
}

/// Members of an object: `key` holds the comma before it and the quote behind the colon.
extension ByteWriter {
  /// A string that nobody has vouched for, with its closing quote; nothing when it is empty.
  @inline(__always) fileprivate mutating func appendMember(
    _ key: StaticString, _ value: Span<UInt8>
  ) {
    guard value.count > 0 else { return }
    if CleanRun.isAll(of: value) { return append(key, value, UInt8(ascii: "\"")) }
    append(key)
    append(value, as: .json)
    append(UInt8(ascii: "\""))
  }

  /// A name of our own, without the closing quote.
  @inline(__always) fileprivate mutating func appendMember(_ key: StaticString, name: StaticString)
  {
    append(key)
    append(name)
  }

  /// Seconds with six decimals; nothing for a time never measured.
  @inline(__always) fileprivate mutating func appendMember(
    _ key: StaticString, _ interval: Interval
  ) {
    guard interval != .endless else { return }
    let microseconds = interval.microseconds
    if microseconds < 10_000_000 {
      return append(key, word: ByteWriter.secondsWord(microseconds), count: 8)
    }
    append(key)
    append(microsecondsAsSeconds: microseconds)
  }
}

extension RequestIDSource {
  /// The name in the log; empty for `none`.
  var name: StaticString {
    switch self {
    case .none: ""
    case .generated: "generated"
    case .client: "client"
    case .invalid: "invalid"
    case .duplicate: "duplicate"
    case .untrusted: "untrusted"
    case .traceparent: "traceparent"
    }
  }
}
