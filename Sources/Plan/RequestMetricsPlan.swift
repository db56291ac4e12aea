import Basics

/// The labels that requests are counted under.
public struct RequestMetricsPlan: Sendable, BitwiseCopyable {
  /// The server's first name; without one, the first address that it listens on.
  public var server: FrozenBytes
  /// The upstream's name, or the address in `proxy_pass`; `none` when requests go nowhere.
  public var upstream: FrozenBytes

  /// The labels given.
  public init(server: FrozenBytes, upstream: FrozenBytes) {
    self.server = server
    self.upstream = upstream
  }
}
