// What a request has to pass before its location serves it, in nginx's order: `limit_req`,
// `limit_conn`, then `allow` and `deny`, then a password, then what `auth_request` asks.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// True when a request may be served. False when it was answered, or when that has to wait: then
  /// `resumeAdmission` goes on.
  @inline(never) mutating func isAdmitted(_ exchange: ExchangePointer) -> Bool {
    precondition(exchange.pointee.response == .none, "isAdmitted: a response has begun")
    // As in nginx, who asks in a request's name need not pass what that has to.
    if exchange.pointee.client.pointee.isSubrequest { return true }
    if let client = exchange.pointee.plan.pointee.admission.client {
      findClient(exchange, client)
    }
    guard passesLimits(exchange) else { return false }
    return grantsAccess(exchange)
  }

  /// Goes on with a request that has waited: because it came too early, or for a password.
  mutating func resumeAdmission(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .pending, "resumeAdmission: nothing was awaited")
    exchange.pointee.response = .none
    stopWaiting(exchange.pointee.client)
    guard passesLimits(exchange), grantsAccess(exchange) else { return }
    goAhead(exchange)
  }

  /// Has a request wait: `resumeAdmission` is called when the time has come, or before.
  mutating func suspend(
    _ exchange: ExchangePointer, for wait: Connection.Wait, atMost time: Interval
  ) {
    precondition(exchange.pointee.response == .none, "suspend: a response has begun")
    exchange.pointee.response = .pending
    startWaiting(exchange.pointee.client, for: wait, atMost: time)
  }

  /// Takes the client's address from where the location says it stands, unless the server has done
  /// so already.
  private mutating func findClient(_ exchange: ExchangePointer, _ plan: ClientAddressPlan) {
    let connection = exchange.pointee.downstream
    let peer = connection.pointee.peer
    guard !exchange.pointee.trustsForwardedFields, plan.trust.contains(peer) else { return }
    exchange.pointee.trustsForwardedFields = true
    if plan.header == .proxyProtocol {
      exchange.pointee.record.client = connection.pointee.announcedClient
      return
    }
    exchange.pointee.record.client = RealIP.resolve(
      head: exchange.pointee.head, bytes: exchange.pointee.headBytes.span,
      field: plan.field.span, recursive: plan.header == .xForwardedForRecursive, peer: peer,
      trust: plan.trust)
  }

  // MARK: Access

  /// True when the client may use the location; else it was answered, or its password is looked up.
  private mutating func grantsAccess(_ exchange: ExchangePointer) -> Bool {
    let plan = exchange.pointee.plan
    let access =
      isExcepted(exchange) ? plan.pointee.admission.exceptAccess : plan.pointee.admission.access
    let isAsked = !plan.pointee.admission.authorization.path.isEmpty
    if access.isOpen && !isAsked { return true }
    if isAsked { beginAccess(servingState(exchange)) }
    let verdict = verdict(access.rules, exchange.pointee.record.client)
    if plan.pointee.admission.satisfiesAny {
      return verdict == true || grantsOtherwise(exchange, access, verdict)
    }
    if verdict == false { return forbid(exchange) }
    if access.asksForPassword {
      switch password(exchange, access) {
      case .right, .unasked: break
      case .wrong: return refusePassword(exchange, access)
      case .pending, .failed: return false
      }
    }
    if isAsked { askForAuthorization(exchange) }
    return !isAsked
  }

  /// Remembers what `auth_request` may have to take back.
  private func beginAccess(_ state: ServingStatePointer) {
    state.pointee.accessStatus = 0
    state.pointee.carriedBefore = state.pointee.carriedCount
  }

  /// `satisfy any`: a password, or the location of `auth_request`, may let in whom the rules keep
  /// out.
  private mutating func grantsOtherwise(
    _ exchange: ExchangePointer, _ access: AccessPlan, _ verdict: Bool?
  ) -> Bool {
    let isAsked = !exchange.pointee.plan.pointee.admission.authorization.path.isEmpty
    var status: UInt16 = verdict == false ? 403 : 0
    if access.asksForPassword {
      switch password(exchange, access) {
      case .right: return true
      case .pending, .failed: return false
      case .wrong where !isAsked: return refusePassword(exchange, access)
      case .wrong:
        carryChallenge(exchange, access)
        status = 401
      case .unasked: break
      }
    }
    guard isAsked else { return verdict == nil || forbid(exchange) }
    servingState(exchange).pointee.accessStatus = status
    askForAuthorization(exchange)
    return false
  }

  /// True for a request whose method `limit_except` does not name.
  mutating func isExcepted(_ exchange: ExchangePointer) -> Bool {
    let methods = exchange.pointee.plan.pointee.admission.exceptMethods
    guard !methods.isEmpty else { return false }
    let method = exchange.pointee.head.methodRange
    let name = exchange.pointee.headBytes.span.extracting(method.offsets)
    // A redirect may have made it a GET.
    let isGet = exchange.pointee.head.method == .get
    for index in methods.indices {
      if isGet ? methods[index].isGet : EntityTagList.isEqual(methods[index].span, name) {
        return false
      }
    }
    return true
  }

  /// What the first rule says that is for a client; nil when none is.
  private func verdict(_ rules: FrozenArray<AccessRule>, _ client: PeerAddress) -> Bool? {
    for index in rules.indices where rules[index].matches(client) { return rules[index].allows }
    return nil
  }

  /// Answers a client that may not come in. False, for those who ask.
  private mutating func forbid(_ exchange: ExchangePointer) -> Bool {
    report(.error, "access", exchange, exchange.pointee.downstream) { line in
      line.append("access is forbidden by a rule (deny)")
    }
    refuse(exchange, 403, .httpRequestDenied, Termination(.proxy, .route))
    return false
  }
}

extension FrozenArray where Element == UInt8 {
  /// True for `GET`.
  fileprivate var isGet: Bool { count == 3 && self[0] == UInt8(ascii: "G") }
}
