// What a connection with TLS to a backend was made with.

/// The settings and the name that TLS with a backend was made with. A connection or a session may
/// be used for a request only if both are its own, byte for byte: a hash would let somebody who
/// chooses names find one that was never checked.
///
/// A plain word that owns memory; `free` must be called once.
struct BackendIdentity: BitwiseCopyable {
  /// Which of the plan's contexts: each distinct set of `proxy_ssl_*` has one. They are the
  /// worker's, as everything is that carries an identity: none of it outlives a plan.
  private let context: Int
  private let name: UnsafeMutableBufferPointer<UInt8>

  /// The identity of a context with a name, which is copied.
  init(context: Int, name: UnsafeBufferPointer<UInt8>) {
    precondition(context >= 0, "init: there is no context")
    self.context = context
    self.name = .allocate(capacity: name.count)
    _ = self.name.initialize(from: name)
  }

  /// The same in memory of its own.
  var copy: BackendIdentity {
    BackendIdentity(context: context, name: UnsafeBufferPointer(name))
  }

  /// True when both are the same.
  func isMade(of context: Int, name: UnsafeBufferPointer<UInt8>) -> Bool {
    self.context == context && self.name.count == name.count && self.name.elementsEqual(name)
  }

  /// Gives the memory back.
  func free() { name.deallocate() }
}
