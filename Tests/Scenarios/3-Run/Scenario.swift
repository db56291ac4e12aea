import Basics
import Simulation

/// A whole world out of one seed: a conf file, clients, backends, faults and incidents. Equal seeds
/// make equal worlds, and `ScenarioRun` plays them in the same way.
public struct Scenario {
  /// Something that happens once, at its time.
  enum Incident {
    /// A backend ends its connections and is away for a while.
    case restart(Int, byReset: Bool, away: Interval)
    /// The logs are opened anew, maybe after they were renamed.
    case reopenLogs(renames: Bool)
    /// The disk takes nothing for a while.
    case fullDisk(Interval)
    /// Accepting fails for a while.
    case noDescriptors(Interval)
    /// The worker is told to finish, or to stop.
    case drain, stop
    /// Nobody reads the access log if it is a pipe; else it takes nothing.
    case stalledLog(Interval)
    /// The access log takes so many bytes more, then nothing for a while.
    case filledLog(after: Int, Interval)
    /// So many workers take the place of those that serve; another process takes the place of this
    /// one.
    case reload(workers: Int)
    case upgrade(workers: Int)
  }

  /// What everything follows from.
  public let seed: UInt64
  /// Nobody does anything wrong and nothing breaks: every request must be served.
  let isCalm: Bool
  let conf: ConfPlan
  let clients: [ClientPlan]
  let backends: [BackendPlan]
  let faults: Faults
  let network: NetworkSettings
  let incidents: [(after: Interval, what: Incident)]

  /// True when TLS is spoken somewhere in the world of a seed.
  public static func isSecure(seed: UInt64) -> Bool { SecurityPlan.isSecure(seed: seed) }

  /// The world of a seed.
  public init(seed: UInt64) {
    self.seed = seed
    // The world's own chance begins with the seed itself.
    var chance = SeededGenerator(seed: seed ^ 0x5CE9_A210)
    isCalm = chance.happens(300)
    let operation = Operation(seed: seed, isCalm: isCalm)
    conf = ConfPlan(
      &chance, isCalm: isCalm, security: SecurityPlan(seed: seed, isCalm: isCalm),
      operation: operation, multiplexing: Multiplexing(seed: seed),
      detours: Detours(seed: seed, isCalm: isCalm), traces: Traces(seed: seed))
    let (conf, isCalm) = (conf, isCalm)
    faults =
      isCalm
      ? SwarmFaults.harmless(&chance, isBulky: conf.isBulky)
      : SwarmFaults.harmful(&chance, isBulky: conf.isBulky)
    clients = Scenario.clients(conf, isCalm: isCalm, &chance)
    backends = (0..<conf.backends.count).map {
      BackendPlan($0, conf: conf, isCalm: isCalm, &chance)
    }
    network = Scenario.network(
      conf, &chance, isCalm: isCalm, isFine: faults.fragmentedDeliveries + faults.tinyBuffers > 0)
    incidents = Scenario.incidents(conf, isCalm: isCalm, &chance) + operation.incidents
  }

  /// True when something may have kept a client from what it was sent.
  var breaksConnections: Bool { faults.resets > 0 || faults.abortedAccepts > 0 }

  /// True when the worker is stopped before the end, which cuts what runs.
  var isStopped: Bool {
    incidents.contains { if case .stop = $0.what { true } else { false } }
  }

  /// True when the worker is told to end before the clients are done.
  var endsEarly: Bool {
    incidents.contains {
      switch $0.what {
      case .drain, .stop: true
      default: false
      }
    }
  }

  /// True when a backend ends its connections in order while responses are under way.
  var restartsInOrder: Bool {
    incidents.contains { if case .restart(_, false, _) = $0.what { true } else { false } }
  }

  /// True when logs are opened anew, so that a line may begin in one file and then anew in another.
  var reopensLogs: Bool {
    incidents.contains { if case .reopenLogs = $0.what { true } else { false } }
  }

  private static func clients(
    _ conf: ConfPlan, isCalm: Bool, _ chance: inout SeededGenerator
  ) -> [ClientPlan] {
    let kinds = ClientPlan.Kind.allCases.filter { !isCalm || $0.isFaithful }
    let menu = [(ClientPlan.Kind.keptAlive, 4)] + chance.swarm(kinds.map { ($0, 2) })
    return (0..<chance.pick(conf.isBulky ? [2, 8] : [2, 8, 20, 40])).map { number in
      ClientPlan(number, kind: chance.pick(weighted: menu), conf: conf, isCalm: isCalm, &chance)
    }
  }

  private static func network(
    _ conf: ConfPlan, _ chance: inout SeededGenerator, isCalm: Bool, isFine: Bool
  ) -> NetworkSettings {
    var network = NetworkSettings()
    // Bytes that come one by one must not take longer than a closing server waits for them.
    let latencies = isFine ? [5_000, 50_000] : [5_000, 50_000, 5_000_000]
    network.latency = Interval(nanoseconds: UInt64(chance.pick(latencies)))
    // In long turns much happens at once, and what one event brings about meets the next one.
    let turnCosts = isFine ? [10_000, 100_000] : [10_000, 300_000, 1_000_000]
    network.turnCost = Interval(nanoseconds: UInt64(chance.pick(turnCosts)))
    network.sendBuffer = chance.pick([4_096, 65_536])
    network.receiveBuffer = chance.pick([4_096, 65_536])
    if !isCalm && chance.happens(100) {
      // Workers of several generations share them.
      network.descriptorLimit = chance.between(12...30) + (conf.operation.isWatched ? 60 : 0)
    }
    return network
  }

  private static func incidents(
    _ conf: ConfPlan, isCalm: Bool, _ chance: inout SeededGenerator
  ) -> [(after: Interval, what: Incident)] {
    var list: [(after: Interval, what: Incident)] = []
    func time() -> Interval { .milliseconds(UInt64(chance.pick([1, 10, 200, 3_000]))) }
    if chance.happens(150) { list.append((time(), .reopenLogs(renames: chance.happens(500)))) }
    if chance.happens(100) { list.append((time(), .fullDisk(time()))) }
    guard !isCalm else { return list }
    // The worker closes connections for it that no request has come on yet.
    if chance.happens(100) { list.append((time(), .noDescriptors(time()))) }
    while chance.happens(350) {
      let backend = chance.below(conf.backends.count)
      let byReset = chance.happens(500)
      list.append((time(), .restart(backend, byReset: byReset, away: time())))
    }
    if chance.happens(150) {
      // What the disk does not take at the very end is lost, and rightly so.
      list.removeAll { if case .fullDisk = $0.what { true } else { false } }
      list.append((time(), chance.happens(500) ? .drain : .stop))
    }
    return list
  }
}
