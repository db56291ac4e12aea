import Basics

/// What a template can ask for: nginx's variables and Waybill's own. Names as in nginx's index of
/// variables.
public enum Variable: UInt8, Sendable, CaseIterable, BitwiseCopyable {
  /// Not a variable: the part's text itself.
  case literal
  /// `$arg_NAME`: the part's text is NAME.
  case argument
  /// `$cookie_NAME`
  case cookie
  /// `$http_NAME`: NAME with underscores, matched to request fields as nginx does.
  case requestField
  /// `$sent_http_NAME`, `$upstream_http_NAME`: the part's slot is its place in `captures`.
  case captured
  /// `$1` to `$9`: the part's slot is the number.
  case group
  /// A variable that the conf file makes (`set`, `map`, a named group and others): the part's slot
  /// is its place in `ExchangeBytes.values`.
  case own

  case absent  // $upstream_cache_status and others of what Waybill does not do: no value
  case binaryRemoteAddress  // $binary_remote_addr: 4 or 16 bytes
  case limitConnectionStatus  // $limit_conn_status
  case limitRequestStatus  // $limit_req_status
  case arguments  // $args, $query_string
  case bodyBytesSent  // $body_bytes_sent
  case bytesIn  // $bytes_in (own)
  case bytesOut  // $bytes_out (own)
  case bytesSent  // $bytes_sent
  case clientRequestID  // $client_request_id (own)
  case connection  // $connection
  case connectionRequests  // $connection_requests
  case contentLength  // $content_length
  case contentType  // $content_type
  case dateGMT  // $date_gmt: as nginx's SSI writes it
  case dateLocal  // $date_local
  case error  // $error (own)
  case event  // $event (own): `upgrade` when a tunnel opens
  case brotliRatio  // $brotli_ratio
  case gzipRatio  // $gzip_ratio
  case https  // $https: `on` or nothing
  case host  // $host: lowercase, without port
  case grpcStatus  // $grpc_status (own)
  case hostname  // $hostname: the machine's name, a literal after compilation
  case idSource  // $id_source (own)
  case isArguments  // $is_args: `?` or nothing
  case level  // $level (own)
  case milliseconds  // $msec
  case pipe  // $pipe: `p` or `.`
  case processID  // $pid
  case generation  // $gen
  case proxyAddXForwardedFor  // $proxy_add_x_forwarded_for
  case proxyHost  // $proxy_host
  case proxyProtocolAddress  // $proxy_protocol_addr
  case proxyProtocolPort  // $proxy_protocol_port
  case remoteAddress  // $remote_addr
  case remotePort  // $remote_port
  case remoteUser  // $remote_user (Basic credentials' user)
  case realIPRemoteAddress  // $realip_remote_addr
  case realIPRemotePort  // $realip_remote_port
  case request  // $request: the request line as it came
  case requestCompletion  // $request_completion: `OK` or nothing
  case requestID  // $request_id
  case requestLength  // $request_length
  case requestMethod  // $request_method
  case requestTime  // $request_time: seconds with milliseconds
  case requestURI  // $request_uri: path and query as they came
  case scheme  // $scheme
  case serverAddress  // $server_addr
  case serverName  // $server_name
  case serverPort  // $server_port
  case serverProtocol  // $server_protocol
  case sslCipher  // $ssl_cipher
  case sslClientCertificate  // $ssl_client_cert: in PEM, lines but the first behind a tab
  case sslClientEscapedCertificate  // $ssl_client_escaped_cert: in PEM, percent-encoded
  case sslClientRawCertificate  // $ssl_client_raw_cert: in PEM
  case sslClientFingerprint  // $ssl_client_fingerprint: SHA-1 in hexadecimal
  case sslClientSerial  // $ssl_client_serial: in hexadecimal
  case sslClientIssuer  // $ssl_client_i_dn
  case sslClientSubject  // $ssl_client_s_dn
  case sslClientVerify  // $ssl_client_verify
  case sslProtocol  // $ssl_protocol
  case sslServerName  // $ssl_server_name
  case sslSessionReused  // $ssl_session_reused
  case status  // $status
  case termination  // $termination (own)
  case timeISO8601  // $time_iso8601
  case timeLocal  // $time_local
  case timeRFC3339  // $time_rfc3339 (own): UTC with microseconds
  case tries  // $tries (own): how many
  case upstreamAddress  // $upstream_addr: all tries, comma-separated, as nginx
  case upstreamConnectTime  // $upstream_connect_time
  case upstreamHeaderTime  // $upstream_header_time
  case upstreamRequestID  // $upstream_request_id (own)
  case upstreamResponseTime  // $upstream_response_time
  case upstreamStatus  // $upstream_status
  case uri  // $uri, $document_uri
  case traceID  // $otel_trace_id
  case spanID  // $otel_span_id: the request's own span
  case parentID  // $otel_parent_id
  case parentIsSampled  // $otel_parent_sampled: `1` or `0`
  case serverTiming  // `request_id_server_timing`; conf files have no name for it
}

/// One piece of a template.
public struct TemplatePart: Sendable, BitwiseCopyable {
  /// What stands here.
  public var variable: Variable
  /// For `.captured`, `.group` and `.own`: which one.
  public var slot: UInt16
  /// For `.literal`: the text; for the `_NAME` variables: NAME in lowercase.
  public var text: FrozenBytes

  /// The piece given.
  public init(_ variable: Variable, slot: UInt16 = 0, text: FrozenBytes = .empty) {
    self.variable = variable
    self.slot = slot
    self.text = text
  }
}

/// Text with variables, compiled once from the conf file.
public struct Template: Sendable, BitwiseCopyable {
  /// The pieces in order.
  public var parts: FrozenArray<TemplatePart>

  /// True when it asks for variables that the conf file makes: these must be computed before the
  /// text is written.
  public let usesOwn: Bool

  /// The template of `parts`.
  public init(parts: FrozenArray<TemplatePart>) {
    self.parts = parts
    usesOwn = parts.indices.contains { parts[$0].variable == .own }
  }

  /// True when nothing is ever written.
  @inlinable public var isEmpty: Bool { parts.isEmpty }
}
