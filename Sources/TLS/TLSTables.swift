// What the workers need of TLS: all contexts of a plan, and the way by which new ones reach them.

import Synchronization

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

/// Where the main thread lays new contexts down and workers fetch them.
public final class TLSShelf: Sendable {
  private let tables: Mutex<TLSTables>

  /// A shelf with the first contexts.
  public init(_ tables: TLSTables) { self.tables = Mutex(tables) }

  /// The contexts for connections from now on.
  public var current: TLSTables { tables.withLock { $0 } }

  /// Lays new contexts down; sessions that run keep theirs.
  public func replace(with new: TLSTables) { tables.withLock { $0 = new } }
}
