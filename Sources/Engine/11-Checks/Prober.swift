// Checks the peers of a process: one loop on a thread of its own, so that a check can't hold a
// worker up and a request pays nothing for it. Start with `turn()`.

import Basics
import HTTP
import Names
import Plan
import Platform
import Policy
import RegularExpressions

/// What a prober says when a check changes the state of a peer.
public struct ProbeReport: Equatable, Sendable {
  /// False when it is good news.
  public var isError: Bool
  /// The ID that the request of the check carried.
  public var requestID: String
  /// What there is to say.
  public var text: String
}

/// Checks the peers of the newest configuration until it is told to end.
public struct Prober<K: Kernel & ~Copyable>: ~Copyable {
  var kernel: K
  let directory: HealthDirectory
  let orders: ProbeOrders
  let report: (ProbeReport) -> Void
  /// What is known of names, and where it is told of them.
  let names: NameDirectory?
  private let nameMailbox: NameMailbox
  private var heldNames: [(upstream: Int, server: ResolvedServerPlan, hold: NameHold)] = []

  var plan: Plan?
  var targets: [ProbeTarget] = []
  /// The targets of each peer.
  private var targetsByKey: [PeerKey: [Int]] = [:]
  /// When targets are due. What is no longer true of a target is skipped.
  private var queue = ProbeQueue()
  /// Targets whose time has come while too many checks were under way.
  private var waiting: [Int] = []
  private var runningCount = 0
  private var generation: UInt32 = 0
  private var random = RandomBlock()
  var now: Instant
  var head = ResponseHead()
  var matchSpace = MatchSpace(groupCount: nil)
  let memory: UnsafeMutableRawBufferPointer
  private let events: UnsafeMutableBufferPointer<KernelEvent>

  /// A prober that has nothing to check yet: it looks for that when it is woken.
  public init(
    kernel: consuming K, directory: HealthDirectory, orders: ProbeOrders, names: NameDirectory?,
    nameMailbox: NameMailbox, report: @escaping (ProbeReport) -> Void
  ) {
    self.kernel = kernel
    self.directory = directory
    self.orders = orders
    self.names = names
    self.nameMailbox = nameMailbox
    self.report = report
    now = self.kernel.now()
    memory = .allocate(byteCount: Limits.checkReadBytes, alignment: 16)
    events = .allocate(capacity: Limits.concurrentChecks + 1)
    names?.subscribe(nameMailbox)
  }

  deinit {
    memory.deallocate()
    events.deallocate()
  }

  /// Checks under way, for tests.
  public var probeCount: Int { runningCount }

  /// Waits for something to do and does it. False when it has ended.
  public mutating func turn() -> Bool {
    let deadline = queue.first ?? .never
    let count = kernel.wait(into: events, until: deadline)
    now = kernel.now()
    if !kernel.takeCommands().isEmpty {
      if orders.hasEnded {
        for index in targets.indices { drop(index) }
        return false
      }
      takeOrders()
    }
    for index in 0..<count { note(events[index]) }
    fireTimers()
    beginWaiting()
    return true
  }

  private mutating func note(_ event: KernelEvent) {
    let index = Int(UInt32(truncatingIfNeeded: event.token))
    guard event.token != KernelEvent.wakeToken, targets.indices.contains(index),
      targets[index].probe?.token == event.token
    else { return }
    advance(index, event.readiness)
  }

  private mutating func fireTimers() {
    while let index = queue.takeDue(now) {
      guard targets.indices.contains(index), targets[index].due <= now else { continue }
      if targets[index].probe != nil {
        finish(index, failure: "it took longer than \(targets[index].timeoutText)")
      } else if runningCount < Limits.concurrentChecks && waiting.isEmpty {
        begin(index)
      } else {
        targets[index].due = .never
        waiting.append(index)
      }
    }
  }

  /// Begins the checks that have waited for others to end, the one that has waited longest first.
  private mutating func beginWaiting() {
    var count = 0
    while runningCount < Limits.concurrentChecks, count < waiting.count {
      begin(waiting[count])
      count += 1
    }
    waiting.removeFirst(count)
  }

  // MARK: What is checked

  /// Takes a new configuration, or new addresses of its names.
  private mutating func takeOrders() {
    _ = nameMailbox.take()
    let next = orders.take()
    if let next { adopt(next) }
    if next != nil || !heldNames.isEmpty { renewTargets(isNewPlan: next != nil) }
    if next != nil { orders.noteAdoption() }
  }

  private mutating func adopt(_ new: Plan) {
    plan = new
    var groups: Int?
    for index in new.tables.expressions.indices {
      groups = max(groups ?? 0, new.tables.expressions[index].groupCount)
    }
    matchSpace = MatchSpace(groupCount: groups)
    heldNames = []
    guard let names else { return }
    let resolvers = Worker<K>.resolvers(of: new)
    let checked = Set(new.tables.checks.indices.map { new.tables.checks[$0].upstream })
    for upstream in checked.sorted() {
      let servers = new.tables.upstreams[upstream].resolved
      for server in servers.indices {
        let question = NameQuestion(
          name: Array(servers[server].name), isService: servers[server].isService,
          resolver: resolvers[servers[server].resolver])
        guard let name = names.find(question) else { continue }
        heldNames.append((upstream, servers[server], names.hold(name, isPinned: true, at: now)))
      }
    }
  }

  /// The peers that are to be checked now. Those that were before keep what is known of them.
  private mutating func renewTargets(isNewPlan: Bool) {
    guard let plan else { return }
    let next = nextTargets(plan)
    guard isNewPlan else { return exchangeTargets(next) }
    var known: [ProbeTarget.Identity: ProbeTarget] = [:]
    for index in targets.indices {
      drop(index)
      known[targets[index].identity] = targets[index]
    }
    precondition(runningCount == 0, "renewTargets: a check is under way")
    targets = []
    targetsByKey = [:]
    queue = ProbeQueue()
    waiting = []
    for var target in next {
      if let former = known[target.identity] { target.inherit(former) }
      target.due = max(now, min(target.due, now + plan.tables.checks[target.check].interval))
      queue.insert(target.due, targets.count)
      targetsByKey[target.identity.key, default: []].append(targets.count)
      targets.append(target)
    }
    let keys = Set(targetsByKey.keys)
    directory.keepVerdicts(of: keys)
    for key in keys { publish(key, reason: "", startedAt: now) }
  }

  /// Takes new addresses of names, and forgets those that have left; other checks go on.
  private mutating func exchangeTargets(_ next: [ProbeTarget]) {
    let wanted = Set(next.map(\.identity))
    let known = Set(targets.lazy.filter { !$0.isGone }.map(\.identity))
    guard wanted != known else { return }
    for index in targets.indices
    where !targets[index].isGone && !wanted.contains(targets[index].identity) {
      forget(index)
    }
    var free = targets.indices.filter { targets[$0].isGone }
    for var target in next where !known.contains(target.identity) {
      target.due = now
      let index = free.popLast() ?? targets.count
      if index == targets.count { targets.append(target) } else { targets[index] = target }
      targetsByKey[target.identity.key, default: []].append(index)
      queue.insert(now, index)
    }
    directory.keepVerdicts(of: Set(targetsByKey.keys))
    for target in next where !known.contains(target.identity) {
      publish(target.identity.key, reason: "", startedAt: now)
    }
  }

  private mutating func forget(_ index: Int) {
    precondition(!targets[index].isGone, "forget: it was forgotten")
    drop(index)
    targets[index].isGone = true
    targets[index].due = .never
    waiting.removeAll { $0 == index }
    let key = targets[index].identity.key
    targetsByKey[key]?.removeAll { $0 == index }
    if targetsByKey[key]?.isEmpty == true { targetsByKey[key] = nil }
  }

  /// The peers that are to be checked, of which nothing is known yet.
  private func nextTargets(_ plan: Plan) -> [ProbeTarget] {
    var places: [Int: Int] = [:]
    return plan.tables.checks.indices.flatMap { check in
      let upstream = plan.tables.checks[check].upstream
      let place = places[upstream, default: 0]
      places[upstream] = place + 1
      return peers(of: upstream, plan).map {
        ProbeTarget(plan, check: check, place: place, $0)
      }
    }
  }

  private func peers(of upstream: Int, _ plan: Plan) -> [ProbedPeer] {
    let fixed = plan.tables.upstreams[upstream].peers
    var peers = fixed.indices.filter { !fixed[$0].isDown }.map { index in
      ProbedPeer(
        name: Array(fixed[index].name), address: fixed[index].address,
        unixPath: fixed[index].unixPath)
    }
    for held in heldNames where held.upstream == upstream {
      let known = names?.addresses(of: held.hold.name, at: now)?.addresses ?? []
      for var address in known.map(\.address) {
        if address.port == 0 { address.port = held.server.port }
        peers.append(ProbedPeer(name: Array(address.text.utf8), address: address, unixPath: .empty))
      }
    }
    return peers
  }

  // MARK: One check

  private mutating func begin(_ index: Int) {
    precondition(targets[index].probe == nil, "begin: a check of it is under way")
    precondition(runningCount < Limits.concurrentChecks, "begin: there are too many checks")
    if directory.news(of: targets[index].identity.key)?.order == .down {
      return scheduleNext(index, from: now)
    }
    guard let plan else { return }
    generation &+= 1
    let check = plan.tables.checks[targets[index].check]
    var probe = Probe(token: UInt64(generation) << 32 | UInt64(index), start: now)
    makeID(&probe, check)
    runningCount += 1
    targets[index].probe = probe
    targets[index].due = now + check.timeout
    queue.insert(targets[index].due, index)
    switch kernel.connect(to: targets[index].address, unixPath: targets[index].unixPath) {
    case .failed(let error) where error.kind == .exhausted:
      // That this process has no descriptor left is not the peer's fault.
      drop(index)
      scheduleNext(index, from: now)
    case .failed(let error): finish(index, failure: error.describe())
    case .connected(let descriptor): watch(index, descriptor)
    case .inProgress(let descriptor): watch(index, descriptor)
    }
  }

  private mutating func watch(_ index: Int, _ descriptor: Descriptor) {
    precondition(descriptor != .none, "watch: there is no socket")
    precondition(targets[index].probe != nil, "watch: there is no check")
    targets[index].probe?.descriptor = descriptor
    let token = targets[index].probe?.token ?? 0
    if let error = kernel.watch(descriptor, token: token) {
      finish(index, failure: error.describe())
    }
  }

  private mutating func makeID(_ probe: inout Probe, _ check: CheckPlan) {
    precondition(probe.requestID.isEmpty, "makeID: it has an ID")
    var id = RequestID()
    id.generate(
      check.idFormat, random: random.next(&kernel),
      milliseconds: kernel.wallClock().microseconds / 1_000)
    let bytes = id.span.indices.map { id.span[$0] }
    probe.requestID = String(decoding: bytes, as: UTF8.self)
    guard check.kind == .http else { return }
    probe.output = Array(check.request) + Array(check.idHeader) + Array(": ".utf8) + bytes
    probe.output += Array("\r\n\r\n".utf8)
  }

  /// Ends a check; `failure` says why it has failed.
  mutating func finish(_ index: Int, failure: String?) {
    guard let probe = targets[index].probe, let plan else {
      preconditionFailure("finish: there is no check")
    }
    close(index)
    let check = plan.tables.checks[targets[index].check]
    let key = targets[index].identity.key
    let before = verdict(of: key)
    _ = targets[index].progress.note(passed: failure == nil, check.rule)
    let after = verdict(of: key)
    publish(key, reason: failure ?? "", startedAt: probe.start)
    scheduleNext(index, from: probe.start)
    if before != after { tell(index, before, after, failure ?? "", probe.requestID) }
  }

  /// Waits for the next check of a peer.
  private mutating func scheduleNext(_ index: Int, from start: Instant) {
    precondition(targets[index].probe == nil, "scheduleNext: a check of it is under way")
    guard let plan else { return }
    let check = plan.tables.checks[targets[index].check]
    let share = random.next(&kernel).0
    let jitter = share.multipliedFullWidth(by: check.jitter.nanoseconds &+ 1).high
    // Of instants no sum overflows.
    targets[index].due = max(now, start + check.interval + Interval(nanoseconds: jitter))
    queue.insert(targets[index].due, index)
  }

  /// Gives up a check without a result.
  private mutating func drop(_ index: Int) {
    guard targets[index].probe != nil else { return }
    close(index)
    targets[index].due = now
  }

  private mutating func close(_ index: Int) {
    precondition(runningCount > 0, "close: no check is under way")
    if let descriptor = targets[index].probe?.descriptor, descriptor != .none {
      kernel.close(descriptor)
    }
    targets[index].probe = nil
    runningCount -= 1
  }

  // MARK: Verdicts

  /// What all checks of a peer say together.
  private func verdict(of key: PeerKey) -> CheckVerdict {
    precondition(targetsByKey[key]?.isEmpty == false, "verdict: nobody checks it")
    var verdict = CheckVerdict.unchecked
    for index in targetsByKey[key] ?? [] {
      verdict = verdict.combined(with: targets[index].progress.verdict)
    }
    return verdict
  }

  private func publish(_ key: PeerKey, reason: String, startedAt start: Instant) {
    directory.judge(key, verdict(of: key), reason: reason, checkedAt: start)
  }

  private func tell(
    _ index: Int, _ before: CheckVerdict, _ after: CheckVerdict, _ failure: String,
    _ requestID: String
  ) {
    precondition(before != after, "tell: nothing has changed")
    let key = targets[index].identity.key
    let peer = String(decoding: key.peer, as: UTF8.self)
    let subject = "peer \(peer) of upstream \(String(decoding: key.upstream, as: UTF8.self))"
    switch after {
    case .failing:
      let failed = targets[index].progress.failed
      let count = failed == 1 ? "its health check" : "\(failed) health checks in a row"
      report(
        ProbeReport(
          isError: true, requestID: requestID, text: "\(subject) failed \(count): \(failure)"))
    case .passing where before != .unchecked:
      report(
        ProbeReport(
          isError: false, requestID: requestID, text: "\(subject) passes its health checks"))
    case .unchecked, .awaited, .passing: return
    }
  }
}
