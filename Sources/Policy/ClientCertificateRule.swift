/// What is asked of a client's certificate: `ssl_verify_client`.
public enum ClientCertificateRule: UInt8, Sendable, BitwiseCopyable {
  /// None is asked for.
  case off
  /// There must be one, and it must hold.
  case on
  /// If there is one it must hold.
  case optional
  /// There may be one; whoever signed it, it is accepted.
  case optionalWithoutAuthority
}
