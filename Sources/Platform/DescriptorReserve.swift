// Descriptors for the operator when connections have used up all others. The limit that connections
// meet is kept below the one that the system allows; for a moment it is raised that far.

import CLinux
import Glibc
import Synchronization

/// Descriptors that no connection gets.
public enum DescriptorReserve {
  /// How many there are using the reserve, and the limit before the first of them.
  private static let users = Guarded((count: 0, former: rlimit()))
  /// The lowest number that is of the reserve while somebody uses it; 0 while nobody does.
  private static let floor = Atomic<Int32>(0)

  /// Raises the limit on open descriptors as far as the system allows, but for `count`, at most
  /// half of them. Returns what is left for connections.
  @discardableResult public static func keep(_ count: Int) -> UInt64 {
    guard var limit = Self.limit else { return 0 }
    let kept = min(UInt64(max(0, count)), UInt64(limit.rlim_max) / 2)
    limit.rlim_cur = limit.rlim_max - rlim_t(kept)
    set(limit)
    return UInt64(Self.limit?.rlim_cur ?? 0)
  }

  /// Runs `body` with the reserve open to it.
  public static func use<Result, Problem: Error>(
    _ body: () throws(Problem) -> Result
  ) throws(Problem) -> Result {
    begin()
    defer { end() }
    return try body()
  }

  /// Runs `body`, and once more with the reserve open to it when descriptors had run out.
  static func retrying<Result>(
    _ body: () throws(KernelError) -> Result
  ) throws(KernelError) -> Result {
    do throws(KernelError) {
      return try body()
    } catch {
      guard error.code == EMFILE else { throw error }
    }
    return try use(body)
  }

  /// Whether a new descriptor of that number may be a connection's.
  @inline(__always) static func permits(_ number: Int32) -> Bool {
    let floor = floor.load(ordering: .relaxed)
    return floor == 0 || number < floor
  }

  /// Whether the next descriptor may be a connection's. Costs a system call while the reserve is in
  /// use, and none else.
  @inline(__always) static var hasRoom: Bool {
    floor.load(ordering: .relaxed) == 0 || nextIsPermitted()
  }

  @inline(never) private static func nextIsPermitted() -> Bool {
    let number = clinux_wake_create()
    guard number >= 0 else { return false }
    _ = clinux_close(number)
    return permits(number)
  }

  private static func begin() {
    users.withLock { users in
      users.count += 1
      guard users.count == 1, var limit = Self.limit else { return }
      users.former = limit
      // Before the limit is raised: no connection comes between.
      floor.store(Int32(clamping: limit.rlim_cur), ordering: .sequentiallyConsistent)
      limit.rlim_cur = limit.rlim_max
      set(limit)
    }
  }

  private static func end() {
    users.withLock { users in
      users.count -= 1
      guard users.count == 0 else { return }
      if var limit = Self.limit {
        limit.rlim_cur = min(users.former.rlim_cur, limit.rlim_max)
        set(limit)
      }
      floor.store(0, ordering: .sequentiallyConsistent)
    }
  }

  private static var limit: rlimit? {
    var limit = rlimit()
    return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? limit : nil
  }

  private static func set(_ limit: rlimit) {
    var limit = limit
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
