import Basics
import CLinux
import HTTP

/// The real kernel: epoll, sockets and files of Linux, for one worker on its own thread.
///
/// Everything on a request's way is inlinable, so that the engine's specialisation for this type is
/// left with bare system calls. This file has the clocks and readiness; sockets and logs follow in
/// `LinuxKernel+Sockets.swift` and `LinuxKernel+Logs.swift`.
public struct LinuxKernel: Kernel, ~Copyable {
  /// Events taken from the system at once; more come with the next `wait`.
  @inlinable public static var eventsPerWait: Int { 512 }

  @usableFromInline let epoll: Int32
  @usableFromInline let mailbox: WorkerMailbox
  @usableFromInline let ready: UnsafeMutablePointer<epoll_event>
  @usableFromInline var localTime = LocalTime()
  /// The highest number among the listening sockets ever watched; see `close`.
  @usableFromInline var lastListener: Int32 = -1
  /// Logs that are files or standard streams.
  var logs = LogTable()
  /// Logs that threads write, as a write may take long.
  var relays: [LogRelay] = []

  /// A kernel whose `takeCommands` empties `mailbox`, which serves one kernel only. Makes writes to
  /// closed pipes an error in the whole process (SIGPIPE is ignored).
  public init(mailbox: WorkerMailbox) {
    clinux_ignore_broken_pipes()
    epoll = mailbox.epoll
    self.mailbox = mailbox
    self.ready = .allocate(capacity: Self.eventsPerWait)
  }

  deinit { ready.deallocate() }

  // MARK: Clocks and randomness

  /// See `Kernel`.
  @inlinable public mutating func now() -> Instant {
    Instant(nanoseconds: clinux_monotonic_nanoseconds())
  }

  /// See `Kernel`.
  @inlinable public mutating func wallClock() -> WallClock {
    let microseconds = clinux_wall_microseconds()
    return WallClock(
      microseconds: microseconds, utcOffset: localTime.offset(atMicroseconds: microseconds))
  }

  /// See `Kernel`. Blocks only when the machine has just started and has no entropy yet.
  public mutating func fillRandom(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
    RandomFill.fill(buffer) { clinux_random($0.baseAddress, $0.count) }
  }

  // MARK: Readiness

  /// See `Kernel`. Stores at most `eventsPerWait` events.
  @inlinable public mutating func wait(
    into events: UnsafeMutableBufferPointer<KernelEvent>, until deadline: Instant
  ) -> Int {
    let capacity = Int32(truncatingIfNeeded: min(events.count, Self.eventsPerWait))
    while true {
      let timeout = milliseconds(until: deadline)
      let count = clinux_epoll_wait(epoll, ready, capacity, timeout)
      if count > 0 {
        translate(count: Int(count), into: events)
        return Int(count)
      }
      if count == 0 {
        // The longest timeout that the system takes is 24 days; the deadline may be later.
        if timeout != .max { return 0 }
      } else if count != -EINTR {
        misuse("epoll_wait", -count)
      }
    }
  }

  /// See `Kernel`.
  @inlinable public mutating func takeCommands() -> WorkerCommands { mailbox.take() }

  /// See `Kernel`.
  @inlinable public mutating func watch(_ descriptor: Descriptor, token: UInt64) -> KernelError? {
    add(descriptor, interest: clinux_connection_interest(), token: token)
  }

  /// See `Kernel`.
  public mutating func watchListener(_ descriptor: Descriptor, token: UInt64) -> KernelError? {
    lastListener = max(lastListener, descriptor.number)
    return add(descriptor, interest: clinux_listener_interest(), token: token)
  }

  /// See `Kernel`.
  public mutating func unwatch(_ descriptor: Descriptor) {
    let result = clinux_epoll_remove(epoll, descriptor.number)
    if result == -EBADF { misuse("epoll_ctl", EBADF) }
  }

  @inlinable mutating func add(
    _ descriptor: Descriptor, interest: UInt32, token: UInt64
  ) -> KernelError? {
    let result = clinux_epoll_add(epoll, descriptor.number, interest, token)
    if result >= 0 { return nil }
    // Watching twice is as much a bug as watching what is closed.
    if result == -EEXIST { misuse("epoll_ctl", EEXIST) }
    // The limit on watched descriptors (fs.epoll.max_user_watches) is no full disk.
    if result == -ENOSPC { return KernelError(kind: .exhausted, code: ENOSPC) }
    return failure("epoll_ctl", Int(result))
  }

  /// The timeout of epoll_wait: rounded up, or a worker would spin through the last millisecond.
  @inlinable mutating func milliseconds(until deadline: Instant) -> Int32 {
    if deadline == .never { return -1 }
    let remaining = (deadline - now()).nanoseconds
    let milliseconds = remaining / 1_000_000 &+ (remaining % 1_000_000 == 0 ? 0 : 1)
    return Int32(clamping: milliseconds)
  }

  @inlinable func translate(count: Int, into events: UnsafeMutableBufferPointer<KernelEvent>) {
    for index in 0..<count {
      let event = ready[index]
      events[index] = KernelEvent(token: event.data.u64, readiness: Self.readiness(event.events))
    }
  }

  @inlinable static func readiness(_ bits: UInt32) -> KernelEvent.Readiness {
    var readiness: KernelEvent.Readiness = []
    if bits & EPOLLIN.rawValue != 0 { readiness.formUnion(.readable) }
    if bits & EPOLLOUT.rawValue != 0 { readiness.formUnion(.writable) }
    if bits & EPOLLRDHUP.rawValue != 0 { readiness.formUnion(.peerClosed) }
    if bits & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { readiness.formUnion(.failed) }
    return readiness
  }
}

/// How far the local time is ahead of UTC, asked of the system once a minute at most: the C library
/// reads files and takes a lock for it. Changes of the offset fall on whole minutes.
@usableFromInline struct LocalTime {
  @usableFromInline var minute: UInt64 = .max
  @usableFromInline var cachedOffset: Int32 = 0

  @usableFromInline init() {}

  /// Seconds ahead of UTC at that time.
  @inlinable mutating func offset(atMicroseconds microseconds: UInt64) -> Int32 {
    let current = microseconds / 60_000_000
    if current != minute { refresh(minute: current) }
    return cachedOffset
  }

  @inline(never) @usableFromInline mutating func refresh(minute current: UInt64) {
    minute = current
    cachedOffset = clinux_utc_offset(Int64(current * 60))
  }
}
