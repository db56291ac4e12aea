// Numbers for connections that no two connections of the process share, whichever worker takes them
// and however often the workers are replaced.

import Synchronization

/// Gives each worker blocks of numbers.
public final class ConnectionNumbers: Sendable {
  private let next = Atomic<UInt64>(1)
  /// Numbers in a block: so many that workers seldom meet here.
  private static let blockCount: UInt64 = 1024

  /// Numbers from 1 on.
  public init() {}

  /// Numbers that nobody else is given.
  public func takeBlock() -> Range<UInt64> {
    let start = next.wrappingAdd(Self.blockCount, ordering: .relaxed).oldValue
    return start..<start + Self.blockCount
  }
}
