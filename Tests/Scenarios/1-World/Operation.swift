import Basics
import Simulation

/// How the process is run in a world: how many workers serve, what stands behind its logs, when it
/// is told to reload or upgraded. Chance of its own decides, so that the other worlds are what they
/// would be without.
struct Operation {
  /// What the access log is.
  enum Sink {
    case file
    /// A pipe of our own, or one that others write, too, and its reader.
    case pipe(capacity: Int, pace: Int, isBorrowed: Bool)
  }

  /// Workers that serve at the same time; 0 where the scenario's one worker serves alone.
  private(set) var workers = 0
  private(set) var sink = Sink.file
  /// Access log and error log are one open file, as when both standard streams are.
  private(set) var joinsLogs = false
  /// Bytes of lines that wait in a worker for one log.
  private(set) var queueBytes = 0
  /// Bytes of each request's `User-Agent`, which makes lines longer than a pipe takes at once.
  private(set) var agentBytes = 0
  /// What happens, and when.
  private(set) var incidents: [(after: Interval, what: Scenario.Incident)] = []

  /// A process of one worker whose logs nobody watches.
  static var plain: Operation { Operation() }

  /// The file that gets each access line, whatever becomes of the others.
  static let witness = "/witness"
  /// The error log that is joined with the access log, or stands beside it.
  static let complaints = "/complaints"

  private init() {}

  /// What a seed decides: three worlds in five are run in a way that is watched.
  init(seed: UInt64, isCalm: Bool) {
    var chance = SeededGenerator(seed: seed ^ 0x0FE8_A710)
    guard chance.happens(600) else { return }
    workers = chance.pick([1, 2, 2, 3])
    if chance.happens(500) {
      sink = .pipe(
        capacity: chance.pick([4_096, 8_192, 65_536]), pace: chance.pick([50, 1_000, 100_000]),
        isBorrowed: chance.happens(500))
    }
    joinsLogs = chance.happens(400)
    queueBytes = chance.pick([16_384, 65_536, 1_048_576])
    agentBytes = chance.pick([0, 0, 0, 3_000, 5_000])
    incidents = Operation.incidents(&chance, isCalm: isCalm)
  }

  private static func incidents(
    _ chance: inout SeededGenerator, isCalm: Bool
  ) -> [(after: Interval, what: Scenario.Incident)] {
    var list: [(after: Interval, what: Scenario.Incident)] = []
    func time() -> Interval { .milliseconds(UInt64(chance.pick([1, 5, 20, 200, 1_000, 3_000]))) }
    while chance.happens(600) && list.count < 6 {
      list.append((time(), .stalledLog(time())))
    }
    while chance.happens(500) && list.count < 10 {
      list.append((time(), .filledLog(after: chance.below(3_000), time())))
    }
    while chance.happens(600) && list.count < 14 {
      list.append((time(), .reload(workers: chance.pick([1, 2, 3]))))
    }
    // Who idles when the process is upgraded may be closed with his next request on the way.
    if !isCalm && chance.happens(300) {
      list.append((time(), .upgrade(workers: chance.pick([1, 2]))))
    }
    if chance.happens(300) { list.append((time(), .reopenLogs(renames: chance.happens(700)))) }
    return list
  }

  /// True when it is watched what becomes of the logs.
  var isWatched: Bool { workers > 0 }

  /// What the conf file says about it.
  var lines: [String] {
    guard isWatched else { return [] }
    return ["access_log \(Operation.witness) json;", "error_log \(Operation.complaints) info;"]
  }

  /// Puts what stands behind the logs into the world.
  func prepare(_ world: SimulatedWorld) {
    guard isWatched else { return }
    world.logs.makeReliable(Operation.witness)
    world.logs.makeReliable("/error")
    if joinsLogs { world.logs.join(Operation.complaints, with: "/log") }
    if case .pipe(let capacity, let pace, let isBorrowed) = sink {
      world.logs.makePipe("/log", capacity: capacity, pace: pace, isBorrowed: isBorrowed)
    }
  }
}
