/// The names by which a conf file asks for variables: nginx's index of variables, and Waybill's
/// own.
extension Variable {
  /// The variable of that whole name, in lowercase; nil when there is none.
  static func named(_ name: String) -> Variable? {
    names.first { $0.name == name }?.variable
  }

  /// The family that a name like `http_user_agent` belongs to, and what follows its prefix.
  static func family(of name: String) -> (family: VariableFamily, member: String)? {
    for family in VariableFamily.allCases where name.hasPrefix(family.rawValue) {
      return (family, String(name.dropFirst(family.rawValue.count)))
    }
    return nil
  }

  /// All whole names; a variable with several has several entries.
  static var names: [(name: String, variable: Variable)] {
    requestNames + placeNames + secureNames + outcomeNames + upstreamNames + traceNames
      + absentNames.map { ($0, .absent) }
  }

  /// What nginx would say of what Waybill does not do: nothing.
  private static var absentNames: [String] {
    [
      "http2", "http3", "request_body_file", "ssl_early_data",
      "upstream_cache_age", "upstream_cache_key", "upstream_cache_last_modified",
      "upstream_cache_status",
    ]
  }

  private static var requestNames: [(name: String, variable: Variable)] {
    [
      ("args", .arguments), ("query_string", .arguments),
      ("content_length", .contentLength), ("content_type", .contentType),
      ("host", .host), ("https", .https), ("is_args", .isArguments),
      ("proxy_add_x_forwarded_for", .proxyAddXForwardedFor),
      ("remote_user", .remoteUser), ("request", .request),
      ("request_method", .requestMethod), ("request_uri", .requestURI),
      ("server_protocol", .serverProtocol), ("uri", .uri), ("document_uri", .uri),
    ]
  }

  private static var placeNames: [(name: String, variable: Variable)] {
    [
      ("connection", .connection), ("connection_requests", .connectionRequests),
      ("hostname", .hostname), ("pid", .processID), ("gen", .generation), ("pipe", .pipe),
      ("proxy_protocol_addr", .proxyProtocolAddress), ("proxy_protocol_port", .proxyProtocolPort),
      ("realip_remote_addr", .realIPRemoteAddress), ("realip_remote_port", .realIPRemotePort),
      ("remote_addr", .remoteAddress), ("remote_port", .remotePort), ("scheme", .scheme),
      ("binary_remote_addr", .binaryRemoteAddress),
      ("server_addr", .serverAddress), ("server_name", .serverName),
      ("server_port", .serverPort),
    ]
  }

  private static var secureNames: [(name: String, variable: Variable)] {
    [
      ("ssl_client_cert", .sslClientCertificate),
      ("ssl_client_escaped_cert", .sslClientEscapedCertificate),
      ("ssl_client_raw_cert", .sslClientRawCertificate),
      ("ssl_client_fingerprint", .sslClientFingerprint), ("ssl_client_serial", .sslClientSerial),
      ("ssl_cipher", .sslCipher), ("ssl_client_i_dn", .sslClientIssuer),
      ("ssl_client_s_dn", .sslClientSubject), ("ssl_client_verify", .sslClientVerify),
      ("ssl_protocol", .sslProtocol), ("ssl_server_name", .sslServerName),
      ("ssl_session_reused", .sslSessionReused),
    ]
  }

  private static var outcomeNames: [(name: String, variable: Variable)] {
    [
      ("body_bytes_sent", .bodyBytesSent), ("bytes_in", .bytesIn), ("bytes_out", .bytesOut),
      ("bytes_sent", .bytesSent), ("error", .error), ("event", .event),
      ("grpc_status", .grpcStatus), ("id_source", .idSource),
      ("brotli_ratio", .brotliRatio), ("gzip_ratio", .gzipRatio),
      ("date_gmt", .dateGMT), ("date_local", .dateLocal),
      ("level", .level), ("limit_conn_status", .limitConnectionStatus),
      ("limit_req_status", .limitRequestStatus), ("msec", .milliseconds),
      ("request_completion", .requestCompletion),
      ("request_id", .requestID), ("client_request_id", .clientRequestID),
      ("request_length", .requestLength), ("request_time", .requestTime), ("status", .status),
      ("termination", .termination), ("time_iso8601", .timeISO8601),
      ("time_local", .timeLocal), ("time_rfc3339", .timeRFC3339),
    ]
  }

  private static var traceNames: [(name: String, variable: Variable)] {
    [
      ("otel_parent_id", .parentID), ("otel_parent_sampled", .parentIsSampled),
      ("otel_span_id", .spanID), ("otel_trace_id", .traceID),
    ]
  }

  private static var upstreamNames: [(name: String, variable: Variable)] {
    [
      ("proxy_host", .proxyHost), ("tries", .tries),
      ("upstream_addr", .upstreamAddress),
      ("upstream_connect_time", .upstreamConnectTime),
      ("upstream_header_time", .upstreamHeaderTime),
      ("upstream_request_id", .upstreamRequestID),
      ("upstream_response_time", .upstreamResponseTime), ("upstream_status", .upstreamStatus),
    ]
  }
}

/// Names that are a prefix and whatever follows it.
enum VariableFamily: String, CaseIterable {
  case argument = "arg_"
  case cookie = "cookie_"
  case requestField = "http_"
  case sentField = "sent_http_"
  case upstreamCookie = "upstream_cookie_"
  case upstreamField = "upstream_http_"
}
