import Basics

/// How unkind the simulated system is. Rates are per mille of the occasions named; 0 is never.
///
/// Every fault is one that Linux can show. What only a script can decide (a backend that refuses, a
/// full disk from one moment to another) is not here but in `BackendBehaviour` and
/// `SimulatedWorld`.
public struct Faults: Sendable {
  /// Deliveries that carry only a few bytes, so that the reader sees the rest later.
  public var fragmentedDeliveries = 0
  /// The most bytes of a fragmented delivery.
  public var largestFragment = 16
  /// Writes that take less than there seems to be room for; the rest has to wait for an event.
  public var squeezedWrites = 0
  /// Connections that have socket buffers of at most `largestTinyBuffer` bytes.
  public var tinyBuffers = 0
  /// The most bytes of a tiny buffer.
  public var largestTinyBuffer = 64
  /// Deliveries that a reset of the connection replaces.
  public var resets = 0
  /// Resets that make the receiver forget what it has not read yet. Linux keeps it, others do not.
  public var resetsThatDiscard = 0
  /// The longest addition to the time that bytes take.
  public var jitter = Interval(nanoseconds: 0)

  /// Connects that are refused although somebody listens.
  public var refusedConnects = 0
  /// Connects that nobody answers.
  public var silentConnects = 0
  /// Connects that find no descriptor left.
  public var exhaustedConnects = 0
  /// Accepts that find the connection gone.
  public var abortedAccepts = 0
  /// Accepts that find no descriptor left.
  public var exhaustedAccepts = 0
  /// Sockets that can't be watched for lack of memory.
  public var failedWatches = 0

  /// Waits that report a socket which is not ready.
  public var spuriousEvents = 0
  /// Waits that report their events in another order than they came.
  public var reorderedEvents = 0
  /// Waits that keep back some of their events until the next one.
  public var withheldEvents = 0
  /// Waits during which the wall clock jumps by up to a minute, either way.
  public var wallClockJumps = 0

  /// Log writes that find the disk full.
  public var fullDisks = 0
  /// Log writes that take a part.
  public var shortLogWrites = 0
  /// Log writes that would block.
  public var stalledLogs = 0
  /// Requests for random bytes that fail.
  public var failedRandom = 0

  /// No fault at all; change what a test is about.
  public init() {}

  /// No fault at all.
  public static var none: Faults { Faults() }

  /// Nothing breaks, but bytes come and go in any portions and events in any order. Whatever is
  /// promised about a healthy network holds here too.
  public static var fragmenting: Faults {
    var faults = Faults()
    faults.fragmentedDeliveries = 500
    faults.squeezedWrites = 200
    faults.tinyBuffers = 200
    faults.spuriousEvents = 50
    faults.reorderedEvents = 500
    faults.shortLogWrites = 100
    faults.jitter = .milliseconds(1)
    return faults
  }

  /// Everything that can break does so now and then.
  public static var hostile: Faults {
    var faults = fragmenting
    faults.resets = 5
    faults.resetsThatDiscard = 500
    faults.refusedConnects = 50
    faults.silentConnects = 20
    faults.exhaustedConnects = 10
    faults.abortedAccepts = 50
    faults.exhaustedAccepts = 50
    faults.failedWatches = 5
    faults.wallClockJumps = 10
    faults.fullDisks = 20
    faults.stalledLogs = 20
    return faults
  }
}
