import Basics

/// A response field, or a cookie, that some `$sent_http_NAME`, `$upstream_http_NAME` or
/// `$upstream_cookie_NAME` asks for.
public struct CapturedField: Sendable, BitwiseCopyable {
  /// The name in lowercase, a field's with dashes.
  public var name: FrozenBytes
  /// True for `$upstream_http_NAME`: as the backend sent it; else as it goes to the client.
  public var isUpstream: Bool
  /// True for `$upstream_cookie_NAME`: the value of the first Set-Cookie for that cookie.
  public var isCookie: Bool

  /// The field given.
  public init(name: FrozenBytes, isUpstream: Bool, isCookie: Bool = false) {
    self.name = name
    self.isUpstream = isUpstream
    self.isCookie = isCookie
  }
}
