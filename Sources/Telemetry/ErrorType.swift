/// Why a request failed: `error` in the log, in the names of RFC 9209 section 2.3. Several cases
/// may share a name; `termination` beside it says whose doing it was.
public enum ErrorType: UInt8, Sendable, CaseIterable, BitwiseCopyable {
  case none
  /// The client's message is malformed.
  case httpRequestError
  /// No server or location serves it, or `return 4xx` without a reason of its own.
  case noRoute
  /// A location denied it, or the head was over a limit.
  case httpRequestDenied
  /// The content is larger than `client_max_body_size`.
  case requestBodyTooLarge
  /// The client took too long to send.
  case clientTimeout
  /// The client went away.
  case clientClosed
  /// The client took too long to read, or the backend.
  case connectionWriteTimeout
  /// Waybill has no free connection or exchange.
  case proxyOverloaded
  /// Waybill itself failed.
  case proxyInternalError
  /// The stop's `shutdown_timeout` ended it, or `worker_shutdown_timeout`.
  case proxyShutdown
  /// A person ended it (`waybill requests --abort`).
  case requestAborted
  /// All peers are out of service.
  case destinationUnavailable
  /// Connecting was refused.
  case connectionRefused
  /// The backend does not speak TLS, or not as it is wanted.
  case tlsProtocolError
  /// The backend's certificate does not hold.
  case tlsCertificateError
  /// The backend refused the handshake.
  case tlsAlertReceived
  /// Connecting took too long.
  case connectionTimeout
  /// The connection was reset or closed before the response ended.
  case connectionTerminated
  /// Connecting failed in another way (no route, no descriptor).
  case destinationIPUnroutable
  /// The response's head did not come in time.
  case httpResponseTimeout
  /// The response is malformed.
  case httpProtocolError
  /// The response ended early.
  case httpResponseIncomplete
  /// The response's head is over a limit.
  case httpResponseHeaderSectionSize
  /// The upgrade was answered with something else than the protocol asked for.
  case httpUpgradeFailed
  /// The backend's name could not be resolved.
  case nameError
  /// Resolving it took too long.
  case nameTimeout

  /// The name in the log; empty for `none`.
  public var name: StaticString {
    switch self {
    case .none: ""
    case .httpRequestError: "http_request_error"
    case .noRoute: "destination_not_found"
    case .httpRequestDenied: "http_request_denied"
    case .requestBodyTooLarge: "http_request_denied"
    case .clientTimeout: "http_request_error"
    case .clientClosed: "connection_terminated"
    case .connectionWriteTimeout: "connection_write_timeout"
    case .proxyOverloaded: "connection_limit_reached"
    case .proxyInternalError: "proxy_internal_error"
    case .proxyShutdown: "connection_terminated"
    case .requestAborted: "connection_terminated"
    case .destinationUnavailable: "destination_unavailable"
    case .connectionRefused: "connection_refused"
    case .tlsProtocolError: "tls_protocol_error"
    case .tlsCertificateError: "tls_certificate_error"
    case .tlsAlertReceived: "tls_alert_received"
    case .connectionTimeout: "connection_timeout"
    case .connectionTerminated: "connection_terminated"
    case .destinationIPUnroutable: "destination_ip_unroutable"
    case .httpResponseTimeout: "http_response_timeout"
    case .httpProtocolError: "http_protocol_error"
    case .httpResponseIncomplete: "http_response_incomplete"
    case .httpResponseHeaderSectionSize: "http_response_header_section_size"
    case .httpUpgradeFailed: "http_upgrade_failed"
    case .nameError: "dns_error"
    case .nameTimeout: "dns_timeout"
    }
  }
}
