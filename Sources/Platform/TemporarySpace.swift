// How much of the disk temporary files take up, counted over all workers and configurations.

import Synchronization

/// The bytes of all temporary files of the process. They are counted, so that no number of requests
/// fills a disk that others need.
public final class TemporarySpace: Sendable {
  private let used = Atomic<UInt64>(0)

  /// Nothing is used.
  public init() {}

  /// Bytes in use.
  public var usedBytes: UInt64 { used.load(ordering: .relaxed) }

  /// Takes `count` bytes, unless more than `limit` would be in use then.
  public func take(_ count: UInt64, limit: UInt64) -> Bool {
    let (before, after) = used.add(count, ordering: .relaxed)
    precondition(after >= before, "take: more bytes than there are numbers")
    if after <= limit { return true }
    giveBack(count)
    return false
  }

  /// Gives bytes back that were taken.
  public func giveBack(_ count: UInt64) {
    let (before, _) = used.subtract(count, ordering: .relaxed)
    precondition(before >= count, "giveBack: more bytes than were taken")
  }
}
