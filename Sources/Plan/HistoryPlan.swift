import Basics
import Policy

/// The requests whose history is told in the error log though they ended well.
public struct HistoryPlan: Sendable, BitwiseCopyable {
  /// `slow_log`: those that took longer; endless for none.
  public var slowerThan = Interval.endless
  /// `debug_request ID`
  public var requestIDs: FrozenArray<FrozenBytes> = .empty
  /// `debug_request CIDR`
  public var clients = PeerTrust()
  /// True when `debug_request` names anything.
  public var isWatching = false

  /// None.
  public init() {}
}
