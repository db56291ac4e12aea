// A request that is handled without anything being sent: what the engine decides, what each side
// would receive, and in which order backends would be tried.

import Basics
import Engine
import HTTP
import Names
import Passwords
import Plan
import Platform
import Policy

/// The outcome of a rehearsal.
struct Rehearsal {
  /// What was decided; nil when the request's head is not complete.
  let decision: RequestDecision
  /// The head that the backend gets; empty when none is asked.
  let sent: [UInt8]
  /// The head that the client gets, to a backend's bare 200 if one is asked.
  let answered: [UInt8]
  /// The head that the backend of `auth_request` gets; empty when none is asked.
  let asked: [UInt8]
  /// The backends that are tried if none can be reached, in this order.
  let tries: [String]

  /// What a backend answers here.
  private static let backendAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
  /// More turns than any request needs that nothing interrupts; a page of metrics needs the most.
  private static let mostTurns = 1_000

  /// Lets a worker of `plan` serve `request`, which has come from `peer` to a listener.
  init?(_ plan: Plan, request: [UInt8], peer: PeerAddress, listener: Int) {
    let stage = Rehearsal.stage(plan, request, peer, listener)
    var worker = Rehearsal.worker(plan, stage)
    defer { Rehearsal.stop(&worker, stage) }
    Rehearsal.run(&worker, stage)
    guard let decision = worker.firstDecision else { return nil }
    self.decision = decision
    asked = decision.awaitsAuthorization ? Rehearsal.head(stage.toBackend) : []
    if decision.awaitsAuthorization {
      stage.authorize(Array(Rehearsal.backendAnswer.utf8))
      Rehearsal.run(&worker, stage)
    }
    sent = Rehearsal.head(stage.toBackend)
    stage.answer(Array(Rehearsal.backendAnswer.utf8))
    Rehearsal.run(&worker, stage)
    answered = Rehearsal.head(stage.toClient)
    tries = Rehearsal.tries(
      plan, request, peer, listener, asksFirst: decision.awaitsAuthorization)
  }

  private static func tries(
    _ plan: Plan, _ request: [UInt8], _ peer: PeerAddress, _ listener: Int, asksFirst: Bool
  ) -> [String] {
    let stage = stage(plan, request, peer, listener)
    var worker = worker(plan, stage)
    if asksFirst {
      run(&worker, stage)
      stage.authorize(Array(Rehearsal.backendAnswer.utf8))
    }
    stage.backendsAccept = false
    run(&worker, stage)
    stop(&worker, stage)
    return stage.connects
  }

  private static func stage(
    _ plan: Plan, _ request: [UInt8], _ peer: PeerAddress, _ listener: Int
  ) -> RehearsalStage {
    let address = plan.tables.listeners[listener].address
    // Who comes by the PROXY protocol is announced first; here, as nobody in particular.
    let announcement = plan.tables.listeners[listener].acceptsProxyProtocol
    let bytes = (announcement ? Array("PROXY UNKNOWN\r\n".utf8) : []) + request
    return RehearsalStage(request: bytes, peer: peer, listener: listener, local: address)
  }

  private static func worker(_ plan: Plan, _ stage: RehearsalStage) -> Worker<RehearsalKernel> {
    stage.names = plan.tables.usesNames ? NameDirectory() : nil
    let listeners = plan.tables.listeners.indices.map { Descriptor(number: Int32($0)) }
    var settings = WorkerSettings(number: 0, count: 1, processID: 0, listeners: listeners)
    settings.assumesTLS = true
    settings.names = stage.names
    settings.nameMailbox = stage.nameMailbox
    settings.passwords = PasswordChecks(
      queue: Limits.passwordQueue, memory: Limits.rememberedPasswords,
      fileBytes: Limits.userFileBytes, match: PasswordHash.matches)
    return Worker(kernel: RehearsalKernel(stage: stage), plan: plan, settings: settings)
  }

  private static func run(_ worker: inout Worker<RehearsalKernel>, _ stage: RehearsalStage) {
    for _ in 0..<mostTurns {
      _ = worker.turn()
      answerQuestions(stage)
      if stage.isQuiet && !worker.isBusy { return }
    }
  }

  /// Looks names up as the system does at once, whatever `resolver` says.
  private static func answerQuestions(_ stage: RehearsalStage) {
    guard let names = stage.names else { return }
    let now = Instant(nanoseconds: 0)
    let questions = names.takeQuestions(at: now)
    for (name, kind) in questions {
      let host = String(decoding: name.question.name, as: UTF8.self)
      var outcome = NameOutcome.absent
      if kind != .service, case .success(let addresses) = HostName.resolve(host) {
        outcome = .addresses(addresses.map { NameAddress($0) }, .endless)
      }
      _ = names.answer(name, kind, outcome, at: now)
    }
    if !questions.isEmpty { stage.tellOfNames() }
  }

  /// Has the worker let go of the request, which may still be under way.
  private static func stop(_ worker: inout Worker<RehearsalKernel>, _ stage: RehearsalStage) {
    stage.stop()
    _ = worker.turn()
  }

  /// Up to the empty line.
  private static func head(_ bytes: [UInt8]) -> [UInt8] {
    let end: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
    return bytes.firstRange(of: end).map { Array(bytes[..<$0.lowerBound]) } ?? bytes
  }
}
