import Basics
import HTTP
import Platform

/// Everything outside the program under test, in one thread's memory: the network, the clients, the
/// backends, the disk and the clock. A seed decides all that chance decides on Linux, so a run that
/// fails can be had again, exactly.
///
///     let world = SimulatedWorld(seed: 1, faults: .fragmenting)
///     let listener = world.listen(on: .ipv4(127, 0, 0, 1, port: 80))
///     let backend = world.addBackend(at: .ipv4(10, 0, 0, 1, port: 8000), .echo)
///     let client = world.addClient(
///       to: .ipv4(127, 0, 0, 1, port: 80), [.send("GET / …"), .awaitResponse])
///     var worker = Worker(kernel: SimulatedKernel(world), …)
///     let outcome = world.run { worker.turn() }
///
/// Time passes in `wait` alone: it jumps to what happens next. This file holds the state; the
/// folders beside it hold what changes it.
public final class SimulatedWorld {
  /// The rates of the faults; may be changed while the world runs.
  public var faults: Faults
  /// Sizes and times; changes concern connections made later.
  public var network: NetworkSettings
  /// Seconds that the local time is ahead of UTC.
  public var utcOffset: Int32 = 0
  /// The time on the monotonic clock. It does not start at 0, which would hide mistaken zeros.
  public internal(set) var now = Instant(nanoseconds: 3_600_000_000_000)
  /// The calls that the program has made.
  public internal(set) var calls = KernelCalls()
  /// The faults that have struck.
  public internal(set) var faultCounts = FaultCounts()
  /// What happened, as a hash and, where asked for, as text.
  public var trace = Trace()
  /// True when the program's last wait was for ever, with nothing left that could end it.
  public internal(set) var isDeadlocked = false
  /// Turns in a row that took no time and moved nothing: a program that spins.
  public internal(set) var busyTurns = 0
  /// The most `busyTurns` so far.
  public internal(set) var mostBusyTurns = 0

  var chance: SeededGenerator
  var entropy: SeededGenerator
  var schedule = Schedule()
  var scheduledClosures: [(SimulatedWorld) -> Void] = []
  var wallClockOffset: Int64 = 0
  /// What each program has been told and not taken, and how long it sleeps.
  var programs: [Program] = [Program()]
  var callsAtLastWait = 0
  var actionsAtLastWait = 0
  var wrongReportsAtLastWait = 0

  var endpoints: [Endpoint] = []
  var listeners: [Listener] = []
  var backends: [Backend] = []
  var peers: [ScriptedPeer] = []
  var clients: [Client] = []
  var unfinishedClientCount = 0
  var disk = SimulatedDisk()
  var storedFiles: [String: StoredFile] = [:]
  /// What descriptors of files stand for.
  var openFiles: [StoredFile?] = []
  var descriptors: [DescriptorEntry?]
  var readyDescriptors: [Int] = []
  var watchedListeners: [Int] = []
  /// The programs that have accepted a connection, in the order in which each did first.
  public internal(set) var admittingPrograms: [Int] = []
  var acceptsFailUntil = Instant(nanoseconds: 0)
  var lastEphemeralPort: UInt16 = 40_000

  /// A world in which nobody listens or connects yet.
  public init(seed: UInt64, faults: Faults = .none, network: NetworkSettings = NetworkSettings()) {
    self.faults = faults
    self.network = network
    chance = SeededGenerator(seed: seed)
    entropy = chance.split()
    // 0 to 2 are the standard streams of every process.
    descriptors = Array(repeating: nil, count: 3)
  }

  /// Does `action` at `delay` from now, while the program waits.
  public func schedule(
    after delay: Interval, _ action: @escaping (_ world: SimulatedWorld) -> Void
  ) {
    scheduledClosures.append(action)
    add(.runScheduled(scheduledClosures.count - 1), after: delay)
  }

  /// One of the programs in the world; there is one, as a rule.
  struct Program {
    var pendingCommands: WorkerCommands = []
    var hasWakeEvent = false
    /// Until when its last wait may last.
    var sleepsUntil = Instant(nanoseconds: 0)
    /// The connections that it has accepted and watched.
    var admittedCount = 0
    /// Nothing can wake it any more.
    var hasEnded = false
  }

  /// Makes a further program; returns its number. From here on one that has ended must be said to
  /// have: the others' time would stand still.
  public func addProgram() -> Int {
    programs.append(Program())
    return programs.count - 1
  }

  /// The numbers of all programs.
  public var programNumbers: Range<Int> { programs.indices }

  /// Says that a program waits no more.
  public func endProgram(_ program: Int) {
    programs[program] = Program()
    programs[program].sleepsUntil = .never
    programs[program].hasEnded = true
  }

  /// Sends commands to a program, as another thread would; its `wait` wakes up.
  public func post(_ commands: WorkerCommands, to program: Int = 0) {
    if programs[program].hasEnded { return }
    programs[program].pendingCommands.formUnion(commands)
    programs[program].hasWakeEvent = true
  }

  /// Lets the wall clock jump, as an administrator or NTP does.
  public func jumpWallClock(bySeconds seconds: Int64) {
    wallClockOffset += seconds * 1_000_000
  }

  /// Lets every accept fail with EMFILE from now on for `duration`.
  public func exhaustAccepts(for duration: Interval) { acceptsFailUntil = now + duration }

  /// A reader of the program's log files, and the way to break them.
  public var logs: SimulatedLogs { SimulatedLogs(world: self) }

  func add(_ action: Action, after delay: Interval, isBackground: Bool = false) {
    schedule.add(
      action, at: now + delay, tieBreak: chance.next(), isBackground: isBackground)
  }
}
