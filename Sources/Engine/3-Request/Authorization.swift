// `auth_request`: another location says whether a request may come in. The request waits for its
// answer; nothing of its content is read meanwhile.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Asks the location of `auth_request`, and has the request wait for the answer.
  mutating func askForAuthorization(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .none, "askForAuthorization: a response has begun")
    precondition(exchange.pointee.upstream == nil, "askForAuthorization: a backend is attached")
    let path = exchange.pointee.plan.pointee.admission.authorization.path
    guard exchange.pointee.request != .head else {
      // It is for the page of an error in the head itself: there is nobody to ask about.
      let status = exchange.pointee.serving?.pointee.answeredStatus ?? 0
      return refuseUnconditionally(exchange, status >= 400 ? status : 500)
    }
    occupyConnection(exchange)
    guard let subrequest = makeSubrequest(.authorization, of: exchange) else {
      return refuse(exchange, 503, .proxyOverloaded, Termination(.proxy, .route))
    }
    let state = servingState(exchange)
    precondition(state.pointee.subrequest == nil, "askForAuthorization: it was asked")
    let place = subrequest.pointee.client.subrequest
    place.pointee.parent = exchange
    state.pointee.subrequest = place
    state.pointee.subrequestStart = now
    state.pointee.authorizationStatus = 0
    // Variables are the same for both, as in nginx.
    exchangeValues(state, servingState(subrequest))
    exchange.pointee.response = .pending
    stopWaiting(exchange.pointee.client)
    note(.authorizationAsked, exchange)
    begin(subrequest: subrequest, at: path, query: nil)
  }

  /// Has two exchanges change their values of variables.
  private mutating func exchangeValues(_ one: ServingStatePointer, _ other: ServingStatePointer) {
    precondition(one != other, "exchangeValues: there is only one")
    swap(&one.pointee.own, &other.pointee.own)
    swap(&one.pointee.computedBase, &other.pointee.computedBase)
    swap(&one.pointee.computedCapacity, &other.pointee.computedCapacity)
    swap(&one.pointee.computed, &other.pointee.computed)
    swap(&one.pointee.computedCount, &other.pointee.computedCount)
    swap(&one.pointee.valueCount, &other.pointee.valueCount)
  }

  /// Takes the answer to a subrequest: its status, and the fields of its head if it has one.
  mutating func answered(_ exchange: ExchangePointer, _ status: UInt16, _ fields: HeadFields?) {
    precondition(status >= 200, "answered: an interim response")
    let place = exchange.pointee.client.subrequest
    guard let parent = place.pointee.parent else { return }
    precondition(parent.isLive, "answered: the request has ended")
    assignValues(parent.pointee.plan, exchange)
    if status == 401, exchange.pointee.record.tryCount > 0, var fields {
      while let field = fields.next() { carryChallenge(parent, field.name, field.value) }
    }
    let state = letGo(of: exchange, parent)
    state.pointee.authorizationStatus = status
    state.pointee.authorizationError = exchange.pointee.record.error
    state.pointee.authorizationIsSilent = fields == nil && (status == 444 || status == 499)
    parent.pointee.record.authorizationStatus = status
    parent.pointee.record.parts.insert(.authorization)
    parent.pointee.record.authorizationPeer =
      exchange.pointee.record.tryCount > 0 ? exchange.pointee.record.upstream : .empty
    now = kernel.now()
    parent.pointee.record.authorizationDuration = now - state.pointee.subrequestStart
    note(.authorizationAnswered, parent, Int(status))
    // It goes on by itself: what runs now is the subrequest.
    enqueue(parent.pointee.client)
  }

  /// Parts a subrequest from the request that waits for it, which gets its variables back.
  private mutating func letGo(
    of exchange: ExchangePointer, _ parent: ExchangePointer
  ) -> ServingStatePointer {
    let state = servingState(parent)
    let place = exchange.pointee.client.subrequest
    precondition(state.pointee.subrequest == place, "letGo: another request's")
    exchangeValues(state, servingState(exchange))
    exchange.pointee.record.groupCount = 0
    exchange.pointee.record.certificate = .empty
    place.pointee.parent = nil
    state.pointee.subrequest = nil
    return state
  }

  /// `auth_request_set`: values that the answer to a subrequest says, for the request that waits.
  private mutating func assignValues(
    _ plan: UnsafePointer<LocationPlan>, _ exchange: ExchangePointer
  ) {
    let assignments = plan.pointee.admission.authorization.assignments
    for index in assignments.indices {
      let value = keep(assignments[index].value, exchange)
      setValue(assignments[index].slot, value, computingState(exchange))
    }
  }

  private mutating func carryChallenge(
    _ exchange: ExchangePointer, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
  ) {
    let name = name.assumingMemoryBound(to: UInt8.self)
    guard FieldNameMatch.equalIgnoringCase(name.span, "WWW-Authenticate") else { return }
    carry(exchange, name.span, value.assumingMemoryBound(to: UInt8.self).span)
  }

  /// Ends the subrequest of a request that does not wait for it any more.
  @inline(never) mutating func abandonSubrequest(of exchange: ExchangePointer) {
    guard let place = exchange.pointee.serving?.pointee.subrequest,
      let subrequest = place.stream.pointee.exchange
    else { preconditionFailure("abandonSubrequest: there is none") }
    _ = letGo(of: subrequest, exchange)
    endUnwanted(subrequest)
  }

  /// Goes on with a request that waits to be admitted, if what it waits for has come.
  @inline(never) mutating func carryOnAdmission(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .pending, "carryOnAdmission: nothing was awaited")
    guard let state = exchange.pointee.serving, state.pointee.authorizationStatus != 0 else {
      let isGone =
        exchange.pointee.client.pointee.flags.contains(.endAnnounced)
        && !exchange.pointee.plan.pointee.ignoresClientAbort
      if isGone { clientLeft(exchange) }
      return
    }
    let status = state.pointee.authorizationStatus
    state.pointee.authorizationStatus = 0
    exchange.pointee.response = .none
    if (200..<300).contains(status) {
      // What a password would have been asked with goes.
      state.pointee.carriedCount = state.pointee.carriedBefore
      return goAhead(exchange)
    }
    obey(exchange, state, status)
  }

  /// Answers a request that the location of `auth_request` keeps out.
  private mutating func obey(
    _ exchange: ExchangePointer, _ state: ServingStatePointer, _ status: UInt16
  ) {
    let isRefusal = status == 401 || status == 403
    if state.pointee.authorizationIsSilent {
      return endEarly(exchange, .always(status), .none, Termination(.proxy, .route), .orderly)
    }
    report(.error, "access", exchange, exchange.pointee.downstream) { line in
      line.append("the location of auth_request has answered ")
      line.append(decimal: UInt64(status))
      if !isRefusal { line.append(", which is neither 2xx nor 401 nor 403") }
    }
    guard isRefusal else {
      let error = state.pointee.authorizationError
      return refuse(
        exchange, 500, error == .none ? .proxyInternalError : error, Termination(.proxy, .route))
    }
    let answer = state.pointee.accessStatus == 401 ? 401 : status
    refuse(exchange, answer, .httpRequestDenied, Termination(.proxy, .route))
  }
}
