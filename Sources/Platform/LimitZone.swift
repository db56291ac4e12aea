// Where requests are counted by a key, for `limit_req` and `limit_conn`: all workers of all
// configurations count in the same place.

import Basics
import Glibc

/// What a zone counts of one key.
public protocol CountedState: BitwiseCopyable, Sendable {
  /// True when the key can be forgotten for another one.
  var mayGo: Bool { get }
}

/// Memory of a fixed size for the states of many keys. A key is held as a hash that nobody can
/// predict; two keys that share one, one pair in 2^64, would be counted together.
///
/// Each shard has a lock, which is held for some hundred instructions.
public final class LimitZone<State: CountedState>: @unchecked Sendable {
  private let shards: UnsafeMutablePointer<LimitShard<State>>
  private let count: Int
  private let keyed: KeyedHash

  /// A zone of about that many bytes.
  public init(bytes: UInt64) {
    let places = max(64, Int(clamping: bytes / 64))
    count = places >= 16 * 1024 ? 16 : 1
    shards = .allocate(capacity: count)
    for index in 0..<count {
      (shards + index).initialize(to: LimitShard(places: places / count))
    }
    keyed = KeyedHash(.random(in: 0...(.max)), .random(in: 0...(.max)))
  }

  deinit {
    for index in 0..<count { (shards + index).pointee.deallocate() }
    shards.deallocate()
  }

  /// The hash of a key, which it is looked up by.
  public func hash(_ key: Span<UInt8>) -> UInt64 { keyed.hash(key) }

  /// Calls `change` with the state of a key, or with nil for a new one; what it leaves is kept, nil
  /// forgets the key. False when there is no room for a new key.
  @discardableResult
  public func change(_ hash: UInt64, _ change: (inout State?) -> Void) -> Bool {
    let shard = shards + Int(truncatingIfNeeded: hash >> 60) % count
    pthread_mutex_lock(shard.pointee.lock)
    defer { pthread_mutex_unlock(shard.pointee.lock) }
    return shard.pointee.change(hash, change)
  }
}

/// A hash table with chains in one piece of memory. The keys stand in a list besides, the one that
/// was changed last at its begin.
private struct LimitShard<State: CountedState> {
  private struct Place {
    var hash: UInt64
    var state: State
    /// In the chain of its bucket, or among the free places.
    var next: Int32
    var newer: Int32
    var older: Int32
  }

  let lock: UnsafeMutablePointer<pthread_mutex_t>
  private let places: UnsafeMutablePointer<Place>
  private let buckets: UnsafeMutablePointer<Int32>
  private let bucketMask: UInt64
  private let capacity: Int32
  /// Places that were never used begin here.
  private var used: Int32 = 0
  private var free: Int32 = -1
  private var newest: Int32 = -1
  private var oldest: Int32 = -1

  init(places count: Int) {
    capacity = Int32(clamping: count)
    let bits = Int.bitWidth - (count - 1).leadingZeroBitCount
    bucketMask = UInt64(1 << bits) - 1
    // Pages that nothing was written to cost nothing.
    places = .allocate(capacity: count)
    buckets = .allocate(capacity: 1 << bits)
    buckets.initialize(repeating: -1, count: 1 << bits)
    lock = .allocate(capacity: 1)
    pthread_mutex_init(lock, nil)
  }

  func deallocate() {
    pthread_mutex_destroy(lock)
    lock.deallocate()
    places.deallocate()
    buckets.deallocate()
  }

  mutating func change(_ hash: UInt64, _ change: (inout State?) -> Void) -> Bool {
    let bucket = Int(hash & bucketMask)
    var index = buckets[bucket]
    while index >= 0 && places[Int(index)].hash != hash { index = places[Int(index)].next }
    guard index >= 0 else { return insert(hash, bucket, change) }
    var state: State? = places[Int(index)].state
    change(&state)
    if let state {
      places[Int(index)].state = state
      unlist(index)
      list(index)
    } else {
      remove(index)
    }
    return true
  }

  private mutating func insert(
    _ hash: UInt64, _ bucket: Int, _ change: (inout State?) -> Void
  ) -> Bool {
    var state: State?
    change(&state)
    guard let state else { return true }
    guard let index = takePlace() else { return false }
    (places + Int(index)).initialize(
      to: Place(hash: hash, state: state, next: buckets[bucket], newer: -1, older: -1))
    buckets[bucket] = index
    list(index)
    return true
  }

  private mutating func takePlace() -> Int32? {
    if free < 0 && used == capacity {
      guard oldest >= 0, places[Int(oldest)].state.mayGo else { return nil }
      remove(oldest)
    }
    if free >= 0 {
      let index = free
      free = places[Int(index)].next
      return index
    }
    used += 1
    return used - 1
  }

  private mutating func remove(_ index: Int32) {
    let bucket = Int(places[Int(index)].hash & bucketMask)
    if buckets[bucket] == index {
      buckets[bucket] = places[Int(index)].next
    } else {
      var before = buckets[bucket]
      while places[Int(before)].next != index { before = places[Int(before)].next }
      places[Int(before)].next = places[Int(index)].next
    }
    unlist(index)
    places[Int(index)].next = free
    free = index
  }

  private mutating func list(_ index: Int32) {
    places[Int(index)].newer = -1
    places[Int(index)].older = newest
    if newest >= 0 { places[Int(newest)].newer = index } else { oldest = index }
    newest = index
  }

  private mutating func unlist(_ index: Int32) {
    let (newer, older) = (places[Int(index)].newer, places[Int(index)].older)
    if newer >= 0 { places[Int(newer)].older = older } else { newest = older }
    if older >= 0 { places[Int(older)].newer = newer } else { oldest = newer }
  }
}
