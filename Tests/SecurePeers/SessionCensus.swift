import COpenSSL
import Glibc

/// Counts the sessions of TLS that one program under test has made and not released: those that
/// are made within `count`, wherever and whenever they are released.
///
/// Each session remembers which census it belongs to. So whatever other tests do at the same time,
/// in this thread or another, before the first census or after, changes nothing here.
public final class SessionCensus: Sendable {
  private let sessions = Guarded(0)

  /// A census of no session yet.
  public init() { _ = SessionCensus.index }

  /// Sessions that were made within `counting` and still exist.
  public var count: Int { sessions.withLock { $0 } }

  /// Counts the sessions that `body` makes in this thread.
  public func counting<Result>(_ body: () throws -> Result) rethrows -> Result {
    try SessionCensus.withCurrent(Unmanaged.passUnretained(self).toOpaque(), body)
  }

  /// Makes sessions that no census counts.
  static func uncounted<Result>(_ body: () throws -> Result) rethrows -> Result {
    try withCurrent(nil, body)
  }

  private func add(_ number: Int) {
    sessions.withLock { count in
      count += number
      precondition(count >= 0, "more sessions of TLS were released than made")
    }
  }

  /// The census that counts in the calling thread.
  private static let current: pthread_key_t = {
    var key = pthread_key_t()
    precondition(pthread_key_create(&key, nil) == 0, "no room for a census in each thread")
    return key
  }()

  private static func withCurrent<Result>(
    _ census: UnsafeMutableRawPointer?, _ body: () throws -> Result
  ) rethrows -> Result {
    let outer = pthread_getspecific(current)
    pthread_setspecific(current, census)
    defer { pthread_setspecific(current, outer) }
    return try body()
  }

  /// The place at each session of OpenSSL's for the census that it belongs to, which it retains.
  /// Empty at those that existed before.
  private static let index = CRYPTO_get_ex_new_index(
    CRYPTO_EX_INDEX_SSL, 0, nil,
    { _, _, places, index, _, _ in
      guard let current = pthread_getspecific(SessionCensus.current) else { return }
      let census = Unmanaged<SessionCensus>.fromOpaque(current)
      census.takeUnretainedValue().add(1)
      CRYPTO_set_ex_data(places, index, census.retain().toOpaque())
    }, nil,
    { _, census, _, _, _, _ in
      guard let census else { return }
      Unmanaged<SessionCensus>.fromOpaque(census).takeRetainedValue().add(-1)
    })
}
