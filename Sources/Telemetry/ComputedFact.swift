/// What a variable says that is looked up in the connection, or in the process, only when it is
/// asked for.
public enum ComputedFact: Int, Sendable, CaseIterable {
  case connectionsActive, connectionsReading, connectionsWaiting, connectionsWriting
  case sslALPNProtocol, sslCiphers, sslCurve, sslCurves, sslSessionID
  case sslClientIssuerLegacy, sslClientSubjectLegacy
  case sslClientValidFrom, sslClientValidUntil, sslClientRemainingDays
  case upstreamResponseLength

  /// The variable's name without the `$`, which is nginx's.
  public var name: String {
    switch self {
    case .connectionsActive: "connections_active"
    case .connectionsReading: "connections_reading"
    case .connectionsWaiting: "connections_waiting"
    case .connectionsWriting: "connections_writing"
    case .sslALPNProtocol: "ssl_alpn_protocol"
    case .sslCiphers: "ssl_ciphers"
    case .sslCurve: "ssl_curve"
    case .sslCurves: "ssl_curves"
    case .sslSessionID: "ssl_session_id"
    case .sslClientIssuerLegacy: "ssl_client_i_dn_legacy"
    case .sslClientSubjectLegacy: "ssl_client_s_dn_legacy"
    case .sslClientValidFrom: "ssl_client_v_start"
    case .sslClientValidUntil: "ssl_client_v_end"
    case .sslClientRemainingDays: "ssl_client_v_remain"
    case .upstreamResponseLength: "upstream_response_length"
    }
  }
}
