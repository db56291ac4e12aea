import Basics
import HTTP

/// What the engine asks of an operating system: sockets, readiness, clocks, randomness, files and
/// logs.
///
/// The engine is generic over it and touches nothing else, so that it runs unchanged on a simulated
/// one. Calls never block (but `wait`, and those on files, for the disk) and never throw: what went
/// wrong is a value. EINTR is retried behind this protocol; misuse (EBADF, EFAULT, ENOTSOCK) traps
/// there.
public protocol Kernel: ~Copyable {
  /// The monotonic clock.
  mutating func now() -> Instant
  /// The wall clock.
  mutating func wallClock() -> WallClock
  /// Fills `buffer` from the system's cryptographic random source; false when that failed.
  mutating func fillRandom(_ buffer: UnsafeMutableRawBufferPointer) -> Bool

  /// Waits until something is ready or `deadline` has come (at once when it is past; for ever when
  /// it is `never`), rounding up to whole milliseconds. Returns the number of events stored.
  mutating func wait(
    into events: UnsafeMutableBufferPointer<KernelEvent>, until deadline: Instant
  ) -> Int
  /// Commands posted to this worker since the last call.
  mutating func takeCommands() -> WorkerCommands

  /// Reports readiness of a socket from now on under `token`, each change once (edge-triggered).
  /// What is ready already is reported too. Nil when it worked.
  mutating func watch(_ descriptor: Descriptor, token: UInt64) -> KernelError?
  /// Reports connections waiting at a listening socket under `token` as long as there are any.
  mutating func watchListener(_ descriptor: Descriptor, token: UInt64) -> KernelError?
  /// Ends what `watch` or `watchListener` began. Closing does so too.
  mutating func unwatch(_ descriptor: Descriptor)

  /// Takes one connection from a listening socket. The new socket is non-blocking.
  mutating func accept(_ listener: Descriptor) -> AcceptResult
  /// The local address of a connection.
  mutating func localAddress(_ descriptor: Descriptor) -> PeerAddress
  /// Begins a connection, to `unixPath` when it is not empty. It may be under way when this
  /// returns: the socket becomes writable when it is made, and `connectError` then says how it
  /// went.
  mutating func connect(to address: PeerAddress, unixPath: FrozenBytes) -> ConnectResult
  /// The outcome of a connect, or the error pending on a socket; nil when there is none.
  mutating func pendingError(_ descriptor: Descriptor) -> KernelError?

  /// Reads at most `buffer.count` bytes.
  mutating func read(
    _ descriptor: Descriptor, into buffer: UnsafeMutableRawBufferPointer
  ) -> ReadResult
  /// Writes at most the bytes of `parts`, in order, in one call. Empty parts are allowed.
  mutating func write(_ descriptor: Descriptor, _ parts: WriteParts) -> WriteResult
  /// Bytes written to a TCP socket that the peer has not acknowledged; 0 when that is not known.
  mutating func unacknowledgedBytes(_ descriptor: Descriptor) -> Int
  /// Says to the peer that nothing more will be sent.
  mutating func shutdownWriting(_ descriptor: Descriptor)
  /// Closes. The descriptor is invalid afterwards.
  mutating func close(_ descriptor: Descriptor)
  /// Closes so that the peer sees a reset, not an end: what was sent is known to be incomplete.
  mutating func reset(_ descriptor: Descriptor)

  /// Makes a file in `folder` that has no name and is gone when it is closed.
  mutating func openTemporaryFile(in folder: FrozenBytes) -> OpenResult
  /// Appends to such a file. It may take less than it is given.
  mutating func writeFile(
    _ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer
  ) -> WriteResult
  /// Opens a file for reading. `path` ends with a zero byte. What it names is opened whatever it
  /// is, but neither a FIFO nor a device makes anybody wait; its kind is in the status. May wait
  /// for the disk.
  mutating func openFile(_ path: UnsafePointer<UInt8>, links: LinkRule) -> FileOpenResult
  /// What a path that ends with a zero byte names, without opening it. May wait for the disk.
  mutating func fileStatus(_ path: UnsafePointer<UInt8>, links: LinkRule) -> FileStatusResult
  /// Calls `body` with each name in a folder whose path ends with a zero byte, and what it names;
  /// nil when that worked. Names that begin with a dot are left out. May wait for the disk.
  mutating func listFolder(
    _ path: UnsafePointer<UInt8>, links: LinkRule, _ body: ([UInt8], FileStatus) -> Void
  ) -> FileRefusal?
  /// Reads from a file of either kind at an offset; `end` behind its end. May wait for the disk.
  mutating func readFile(
    _ file: Descriptor, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) -> ReadResult
  /// Writes at most `count` bytes of a file to a connection; `bytes(0)` behind the file's end.
  mutating func sendFile(
    _ file: Descriptor, from offset: UInt64, count: Int, to socket: Descriptor
  ) -> WriteResult
  /// Writes bytes behind which more are written at once, so that a packet may wait for these.
  mutating func writeAhead(
    _ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer
  ) -> WriteResult
  /// Closes a file.
  mutating func closeFile(_ file: Descriptor)

  /// Opens a log file for appending, creating it, or a copy of stdout (1) or stderr (2) when
  /// `standard` is not 0. Writing to it never blocks: on a network file system a thread does it, in
  /// these limits. Without them the lines are in the file when `writeLog` returns, however long it
  /// takes. What has been opened by a thread is opened anew by the same.
  mutating func openLog(
    path: FrozenBytes, standard: Int32, relayed: LogRelayLimits?
  ) -> OpenResult
  /// A socket to the syslog server at `address`, or at `unixPath` when it is not empty. What is
  /// written to it goes out as one datagram a line. Writing to it never blocks.
  mutating func openSyslog(address: PeerAddress, unixPath: FrozenBytes) -> OpenResult
  /// Appends whole lines to a log. Returns how many bytes of whole lines it took. A line of which
  /// the file took a part counts as taken: its end goes before anything that anybody else writes to
  /// the same file.
  mutating func writeLog(_ descriptor: Descriptor, _ lines: UnsafeRawBufferPointer) -> WriteResult
  /// True when the end of a line that counts as taken is not in the file yet.
  mutating func isLogTorn(_ descriptor: Descriptor) -> Bool
  /// Leaves whole lines that a log did not take to whoever writes it when this worker has ended, if
  /// at most `limit` bytes wait for the file in all then. Returns how many bytes were taken over.
  mutating func leaveLog(
    _ descriptor: Descriptor, _ lines: UnsafeRawBufferPointer, limit: Int
  ) -> Int
  /// The same for the syslog server at `address`, or at `unixPath` when it is not empty.
  mutating func leaveSyslog(
    address: PeerAddress, unixPath: FrozenBytes, _ lines: UnsafeRawBufferPointer, limit: Int
  ) -> Int
  /// Closes a log. What has been taken is written nevertheless.
  mutating func closeLog(_ descriptor: Descriptor)
}

/// What holds for a log that a thread writes.
public struct LogRelayLimits: Sendable, BitwiseCopyable {
  /// Bytes of lines that wait for the thread at most.
  public var capacity: Int
  /// How long the file is left alone after a write that failed.
  public var retry: Interval

  /// The limits given.
  public init(capacity: Int, retry: Interval) {
    self.capacity = capacity
    self.retry = retry
  }
}

/// An open file or socket.
public struct Descriptor: Hashable, Sendable, BitwiseCopyable {
  /// The system's number.
  public let number: Int32
  /// The descriptor of that number.
  @inlinable public init(number: Int32) { self.number = number }
  /// No descriptor.
  @inlinable public static var none: Descriptor { Descriptor(number: -1) }
}

/// The wall clock.
public struct WallClock: Sendable, BitwiseCopyable {
  /// Microseconds since 1970-01-01 UTC.
  public var microseconds: UInt64
  /// Seconds that the local time is ahead of UTC.
  public var utcOffset: Int32
  /// The time given.
  @inlinable public init(microseconds: UInt64, utcOffset: Int32) {
    self.microseconds = microseconds
    self.utcOffset = utcOffset
  }
}

/// One report of readiness.
public struct KernelEvent: Sendable, BitwiseCopyable {
  /// What happened.
  public struct Readiness: OptionSet, Sendable, BitwiseCopyable {
    /// One bit for each member.
    public let rawValue: UInt8
    /// The set of these bits.
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// There is something to read, or the end of the stream.
    @inlinable public static var readable: Readiness { Readiness(rawValue: 1) }
    /// There is room to write.
    @inlinable public static var writable: Readiness { Readiness(rawValue: 2) }
    /// The peer sends no more.
    @inlinable public static var peerClosed: Readiness { Readiness(rawValue: 4) }
    /// Both directions are over, or an error is pending.
    @inlinable public static var failed: Readiness { Readiness(rawValue: 8) }
  }

  /// The token given to `watch`; `wakeToken` when commands were posted.
  public var token: UInt64
  /// What happened.
  public var readiness: Readiness

  /// The event given.
  @inlinable public init(token: UInt64, readiness: Readiness) {
    self.token = token
    self.readiness = readiness
  }

  /// The token of the event that says that commands wait.
  @inlinable public static var wakeToken: UInt64 { .max }
}

/// What another thread asks of a worker.
public struct WorkerCommands: OptionSet, Sendable, BitwiseCopyable {
  /// One bit for each member.
  public let rawValue: UInt32
  /// The set of these bits.
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// Accept no more, finish what runs, then end.
  @inlinable public static var drain: WorkerCommands { WorkerCommands(rawValue: 1) }
  /// End now.
  @inlinable public static var stop: WorkerCommands { WorkerCommands(rawValue: 2) }
  /// Open the logs anew.
  @inlinable public static var reopenLogs: WorkerCommands { WorkerCommands(rawValue: 4) }
  /// Answer the question that lies on the desk (see `AnswerDesk`).
  @inlinable public static var answer: WorkerCommands { WorkerCommands(rawValue: 8) }
  /// Nothing: that it is taken shows that the worker is alive.
  @inlinable public static var giveSign: WorkerCommands { WorkerCommands(rawValue: 16) }
  /// Leave to the heirs what is idle, finish what runs, then end (see `HandoverBox`).
  @inlinable public static var retire: WorkerCommands { WorkerCommands(rawValue: 32) }
  /// Take what others have left.
  @inlinable public static var inherit: WorkerCommands { WorkerCommands(rawValue: 64) }
  /// Leave new connections to another process, serve each client that is here once more, then end.
  @inlinable public static var handOver: WorkerCommands { WorkerCommands(rawValue: 128) }
  /// Take the answers to questions about passwords (see `PasswordAnswers`).
  @inlinable public static var passwords: WorkerCommands { WorkerCommands(rawValue: 1024) }
  /// Take what has become known of names, and go on with those who wait for it.
  @inlinable public static var names: WorkerCommands { WorkerCommands(rawValue: 2048) }
  /// Take what has become known of the health of peers.
  @inlinable public static var health: WorkerCommands { WorkerCommands(rawValue: 4096) }
  /// End now what a retired worker still finishes; nothing to one that is not retired.
  @inlinable public static var endRetired: WorkerCommands { WorkerCommands(rawValue: 512) }
}

/// Up to three pieces of memory to be written one after the other.
public struct WriteParts: BitwiseCopyable {
  /// Written first.
  public var first: UnsafeRawBufferPointer
  /// Written second.
  public var second: UnsafeRawBufferPointer
  /// Written third.
  public var third: UnsafeRawBufferPointer

  /// The pieces given; leave out what is not needed.
  @inlinable public init(
    _ first: UnsafeRawBufferPointer,
    _ second: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
    _ third: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
  ) {
    self.first = first
    self.second = second
    self.third = third
  }

  /// Bytes in all.
  @inlinable @inline(__always)
  public var count: Int { first.count &+ second.count &+ third.count }
}

/// What `read` did.
public enum ReadResult: Sendable, BitwiseCopyable {
  /// This many bytes came, at least one.
  case bytes(Int)
  /// The peer has ended its stream.
  case end
  /// Nothing is there now.
  case wouldBlock
  /// The connection is broken.
  case failed(KernelError)
}

/// What `write` did.
public enum WriteResult: Sendable, BitwiseCopyable {
  /// This many bytes were taken, at least one unless none were given.
  case bytes(Int)
  /// There is no room now.
  case wouldBlock
  /// The connection is broken, or the disk full.
  case failed(KernelError)
}

/// What `accept` did.
public enum AcceptResult: Sendable, BitwiseCopyable {
  /// A connection and the address of its peer.
  case connection(Descriptor, peer: PeerAddress)
  /// None waits.
  case wouldBlock
  /// That connection was gone already; there may be others.
  case aborted
  /// Descriptors or memory have run out: pause.
  case exhausted(KernelError)
}

/// What `connect` did.
public enum ConnectResult: Sendable, BitwiseCopyable {
  /// Connected already (unix sockets).
  case connected(Descriptor)
  /// Under way.
  case inProgress(Descriptor)
  /// Not possible.
  case failed(KernelError)
}

/// What `openLog` did.
public enum OpenResult: Sendable, BitwiseCopyable {
  /// It is open.
  case opened(Descriptor)
  /// It is not.
  case failed(KernelError)
}

/// An error of the system.
public struct KernelError: Error, Equatable, Sendable, BitwiseCopyable {
  /// What the engine tells apart.
  public enum Kind: UInt8, Sendable, BitwiseCopyable {
    /// ECONNREFUSED, or ENOENT for a unix socket.
    case refused
    /// ECONNRESET, EPIPE, ECONNABORTED, ENOTCONN.
    case reset
    /// ETIMEDOUT.
    case timedOut
    /// EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL and the like.
    case unreachable
    /// EMFILE, ENFILE, ENOBUFS, ENOMEM.
    case exhausted
    /// ENOSPC, EDQUOT, EFBIG.
    case noSpace
    /// Anything else.
    case other
  }

  /// What it means here.
  public var kind: Kind
  /// The system's number, for messages.
  public var code: Int32

  /// The error given.
  @inlinable public init(kind: Kind, code: Int32) {
    self.kind = kind
    self.code = code
  }
}
