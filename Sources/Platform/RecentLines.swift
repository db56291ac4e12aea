// The last lines about something, in memory of a fixed size. One thread writes and others read; the
// lock is taken for each line, so this is for what happens rarely.

import Synchronization

/// A ring of lines. A line longer than a place is cut; the oldest one makes room for the next.
///
/// Memory that no line has reached is never touched.
public final class RecentLines: Sendable {
  private struct Ring: ~Copyable {
    let base: UnsafeMutablePointer<UInt8>
    let placeBytes: Int
    var counts: [Int]
    var added = 0

    init(places: Int, placeBytes: Int) {
      base = .allocate(capacity: places * placeBytes)
      self.placeBytes = placeBytes
      counts = Array(repeating: 0, count: places)
    }

    deinit { base.deallocate() }
  }

  private let ring: Mutex<Ring>

  /// A ring of `places` lines of at most `placeBytes` bytes.
  public init(places: Int, placeBytes: Int) {
    ring = Mutex(Ring(places: places, placeBytes: placeBytes))
  }

  /// Adds a line.
  public func add(_ line: [UInt8]) {
    ring.withLock { ring in
      let place = ring.added % ring.counts.count
      let count = min(line.count, ring.placeBytes)
      (ring.base + place * ring.placeBytes).update(from: line, count: count)
      ring.counts[place] = count
      ring.added += 1
    }
  }

  /// The lines that are kept, the oldest first.
  public var lines: [[UInt8]] {
    ring.withLock { ring in
      let places = ring.counts.count
      return (max(0, ring.added - places)..<ring.added).map { number in
        let start = ring.base + number % places * ring.placeBytes
        return Array(UnsafeBufferPointer(start: start, count: ring.counts[number % places]))
      }
    }
  }
}
