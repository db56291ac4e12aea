// A lock around a value, for what happens rarely. It is the system's own, which tools that look for
// races know; they don't know that of the standard library.

import Glibc

/// A value that several threads look at and change.
public final class Guarded<Value: Sendable>: @unchecked Sendable {
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var value: Value

  /// Begins with `value`.
  public init(_ value: Value) {
    self.value = value
    pthread_mutex_init(lock, nil)
  }

  deinit {
    pthread_mutex_destroy(lock)
    lock.deallocate()
  }

  /// The value of this moment.
  public var current: Value { withLock { $0 } }

  /// Looks at it and changes it; nobody sees it half changed.
  public func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return body(&value)
  }
}
