// What a thread waits at that is rung by others and looks after descriptors of a library.

import Basics
import CLinux
import Glibc

/// A descriptor, and what it is waited for.
public struct DescriptorInterest: Hashable, Sendable {
  /// The descriptor.
  public var number: Int32
  /// Something may be read, or the other side has ended.
  public var reads: Bool
  /// Something may be written.
  public var writes: Bool

  /// The interest given.
  public init(number: Int32, reads: Bool, writes: Bool) {
    self.number = number
    self.reads = reads
    self.writes = writes
  }
}

/// A bell that any thread rings and one waits at.
public final class WakeBell: Sendable {
  private let descriptor: Int32

  /// A bell. Fails when descriptors have run out.
  public init() throws(KernelError) {
    descriptor = clinux_wake_create()
    guard descriptor >= 0 else { throw KernelError(result: Int(descriptor)) }
  }

  deinit { _ = clinux_close(descriptor) }

  /// Has who waits go on, now or the next time.
  public func ring() { _ = clinux_wake_post(descriptor) }

  /// Waits until somebody rings, one of the descriptors is ready, or that much time has passed,
  /// rounded up to whole milliseconds. Returns those that are ready, and for what.
  public func wait(
    for interests: [DescriptorInterest], atMost interval: Interval
  ) -> [DescriptorInterest] {
    var entries = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
    for interest in interests {
      let events = (interest.reads ? POLLIN : 0) | (interest.writes ? POLLOUT : 0)
      entries.append(pollfd(fd: interest.number, events: Int16(events), revents: 0))
    }
    let rounded = interval.nanoseconds / 1_000_000 + 1
    let milliseconds = interval.nanoseconds == 0 ? 0 : Int32(clamping: rounded)
    guard poll(&entries, nfds_t(entries.count), milliseconds) > 0 else { return [] }
    if entries[0].revents != 0 { _ = clinux_wake_take(descriptor) }
    let failed = POLLERR | POLLHUP | POLLNVAL
    return entries.dropFirst().filter { $0.revents != 0 }.map { entry in
      let events = Int32(entry.revents)
      return DescriptorInterest(
        number: entry.fd, reads: events & (POLLIN | failed) != 0,
        writes: events & (POLLOUT | failed) != 0)
    }
  }
}
