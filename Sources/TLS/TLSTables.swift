// What the workers need of TLS: all contexts of a plan.

/// The contexts of a plan.
public struct TLSTables: Sendable {
  /// By the number of the server; nil for one without `listen … ssl`.
  public var servers: [TLSServerContext?]
  /// By the number that a location names.
  public var backends: [TLSClientContext]
  /// What tickets are sealed with.
  public var keys: TicketKeys

  /// The contexts given.
  public init(servers: [TLSServerContext?], backends: [TLSClientContext], keys: TicketKeys) {
    self.servers = servers
    self.backends = backends
    self.keys = keys
  }

  /// No TLS anywhere.
  public static var none: TLSTables {
    TLSTables(servers: [], backends: [], keys: TicketKeys(interval: 3600))
  }

  /// True when there is nothing in it.
  public var isEmpty: Bool { backends.isEmpty && servers.allSatisfy { $0 == nil } }
}
