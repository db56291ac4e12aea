import Synchronization

/// A value that several threads look at and replace, for what happens rarely.
public final class Guarded<Value: Sendable>: Sendable {
  private let value: Mutex<Value>

  /// Begins with `value`.
  public init(_ value: Value) { self.value = Mutex(value) }

  /// The value of this moment.
  public var current: Value { value.withLock { $0 } }

  /// Changes it; nobody sees it half changed.
  public func change(_ body: (inout Value) -> Void) {
    value.withLock { body(&$0) }
  }
}
