// `rewrite`, `return`, `set`, `break` and `if`: the steps of a server, before its locations are
// searched, and those of a location, before anything else there.

import Basics
import HTTP
import Plan
import Platform
import Policy
import RegularExpressions
import Telemetry

/// What came of a list of steps.
private enum RewriteResult: BitwiseCopyable {
  /// The request goes on.
  case goesOn
  /// It has been answered: nothing of the exchange may be touched.
  case answered
}

extension Worker where K: ~Copyable {
  // MARK: Servers

  /// Executes a new request's steps in its server and finds its location; false when it has been
  /// answered.
  @inline(never) mutating func beginInServer(_ exchange: ExchangePointer) -> Bool {
    guard normalPath(exchange) != nil else {
      refuse(exchange, 400, .httpRequestError, Termination(.client, .requestHead))
      return false
    }
    exchange.pointee.plan = fallbackLocation(of: exchange.pointee.server)
    // An answer of the server itself needs the ID.
    guard decideRequestID(exchange) else {
      refuse(exchange, 400, .httpRequestDenied, Termination(.proxy, .route))
      return false
    }
    if exchange.pointee.record.isSecure || isPlainOnSecure(exchange) {
      guard acceptsSecurity(exchange) else { return false }
    }
    let decided = exchange.pointee.plan
    guard rewriteInServer(exchange) else { return false }
    guard !exchange.pointee.plan.pointee.requestID.isSame(as: decided.pointee.requestID) else {
      return true
    }
    makeRequestID(exchange)
    if decideRequestID(exchange) { return true }
    refuse(exchange, 400, .httpRequestDenied, Termination(.proxy, .route))
    return false
  }

  /// Executes the steps of a server for a request whose path is known, and finds its location;
  /// false when it has been answered.
  @inline(never) mutating func rewriteInServer(_ exchange: ExchangePointer) -> Bool {
    let server = exchange.pointee.server
    exchange.pointee.plan = fallbackLocation(of: server)
    // The location decides; until then the server's steps may ask for the numbers.
    if exchange.pointee.plan.pointee.tracing.isOn { decideTrace(exchange, isFinal: false) }
    guard execute(tables.servers[server].rewriting, exchange) == .goesOn else { return false }
    exchange.pointee.serving?.pointee.seeksLocation = false
    guard commitTarget(exchange), findLocationAgain(exchange) else { return false }
    if !exchange.pointee.plan.pointee.tracing.isOn { forgetUndecidedTrace(exchange) }
    return true
  }

  /// Finds the location of a path that is normal, or was written by a `rewrite`; false when the
  /// request has been answered because there is no telling.
  private mutating func findLocationAgain(_ exchange: ExchangePointer) -> Bool {
    let server = exchange.pointee.server
    exchange.pointee.plan = fallbackLocation(of: server)
    let root: StaticString = "/"
    let path = exchange.pointee.pathBytes
    // `OPTIONS *` has no path.
    let sought = path.isEmpty ? UnsafeBufferPointer(start: root.utf8Start, count: 1) : path
    guard sought[0] == UInt8(ascii: "/") else {
      refuseUnconditionally(exchange, 404)
      return false
    }
    let found = tables.servers[server].locationTable.find(sought.span)
    if found >= 0 {
      exchange.pointee.plan = tables.locations.address(of: found)
      return true
    }
    if findLocationByExpression(exchange, ~found) { return true }
    refuseUnconditionally(exchange, 500)
    return false
  }

  // MARK: Locations

  /// Executes the steps of a location and does what the request comes to.
  @inline(never) mutating func rewriteInLocation(_ exchange: ExchangePointer) {
    if exchange.pointee.plan.pointee.redirection.isInternal && !isInternal(exchange) {
      return refuse(exchange, 404, .noRoute, .completed)
    }
    // The steps are not part of what `limit_except` makes of the location.
    if !isExcepted(exchange) {
      guard execute(exchange.pointee.plan.pointee.rewriting, exchange) == .goesOn,
        commitTarget(exchange)
      else { return }
    }
    if let state = exchange.pointee.serving, state.pointee.seeksLocation {
      state.pointee.seeksLocation = false
      guard countRedirect(exchange), findLocationAgain(exchange) else { return }
      return enterLocation(exchange)
    }
    let plan = exchange.pointee.plan
    let action =
      plan.pointee.untraced == .rewriting ? plan.pointee.rewritten : plan.pointee.untraced
    goOn(exchange, action)
  }

  /// True for a request that clients can't make: one that was redirected internally or rewritten.
  mutating func isInternal(_ exchange: ExchangePointer) -> Bool {
    guard let state = exchange.pointee.serving else { return false }
    return state.pointee.redirectCount > 0 || state.pointee.isRewritten
  }

  // MARK: Steps

  private mutating func execute(
    _ steps: FrozenArray<RewriteStep>, _ exchange: ExchangePointer
  ) -> RewriteResult {
    var index = 0
    // nginx encodes groups in the values of `set` until a `rewrite` has matched.
    var encodes = true
    while index < steps.count {
      let step = steps.address(of: index)
      index += 1
      switch step.pointee.action {
      case .assign:
        let value = keepValue(step.pointee.text, exchange, encodes)
        setValue(step.pointee.slot, value, computingState(exchange))
        if step.pointee.slot == tables.rateSlot { setRate(value, step.pointee.slot, exchange) }
        note(step, exchange, value)
      case .assignQuery:
        guard assignQuery(step, exchange, encodes) else { return .answered }
      case .stop:
        note(step, exchange, nil)
        stayInLocation(exchange)
        return .goesOn
      case .answer:
        note(step, exchange, nil)
        answer(exchange, step.pointee.status, step.pointee.text)
        return .answered
      case .test:
        guard let holds = holds(step, exchange, encodes) else {
          refuseUnconditionally(exchange, 500)
          return .answered
        }
        note(step, exchange, holds: holds)
        if !holds { index = step.pointee.next }
      case .enter:
        exchange.pointee.plan = tables.locations.address(of: step.pointee.location)
      case .rewrite:
        switch rewrite(step, exchange) {
        case .unmatched: note(step, exchange, holds: false)
        case .nextStep: encodes = false
        case .ended: return .goesOn
        case .answered: return .answered
        }
      }
    }
    return .goesOn
  }

  /// Keeps a value, with its numbered groups encoded as nginx does where the path came encoded.
  mutating func keepValue(
    _ template: Template, _ exchange: ExchangePointer, _ encodes: Bool
  ) -> ByteRange {
    if template.usesOwn { computeVariables(of: template, exchange) }
    return keepComputedValue(template, exchange, encodes)
  }

  /// The same for a template whose variables have been computed.
  mutating func keepComputedValue(
    _ template: Template, _ exchange: ExchangePointer, _ encodes: Bool
  ) -> ByteRange {
    let escapes = encodes && template.hasGroups && arrivedEncoded(exchange)
    return keepComputed(template, exchange, encodesGroups: escapes)
  }

  /// `break`: what was rewritten stays in the location that it is in.
  private mutating func stayInLocation(_ exchange: ExchangePointer) {
    guard let state = exchange.pointee.serving, state.pointee.seeksLocation else { return }
    state.pointee.seeksLocation = false
    state.pointee.isLocationLost = true
  }

  // MARK: What is told

  /// Notes a step that was executed.
  private mutating func note(
    _ step: UnsafePointer<RewriteStep>, _ exchange: ExchangePointer, _ value: ByteRange?
  ) {
    note(.rewriteStep, exchange, step.pointee.title, try: 1)
    guard exchange.pointee.plan.pointee.logsRewriting else { return }
    reportStep(step, exchange, value)
  }

  /// Notes a step that asks something.
  private mutating func note(
    _ step: UnsafePointer<RewriteStep>, _ exchange: ExchangePointer, holds: Bool
  ) {
    note(.rewriteStep, exchange, step.pointee.title, try: holds ? 2 : 3)
    guard exchange.pointee.plan.pointee.logsRewriting else { return }
    let title = tables.rewriteTitles[step.pointee.title]
    report(.notice, "rewrite", exchange, exchange.pointee.downstream) { line in
      line.append(title.span)
      line.append(holds ? ": holds" : ": does not")
    }
  }

  /// Notes a `rewrite` that has changed the request.
  mutating func noteRewrite(_ step: UnsafePointer<RewriteStep>, _ exchange: ExchangePointer) {
    note(.rewriteStep, exchange, step.pointee.title, try: 2)
    guard exchange.pointee.plan.pointee.logsRewriting else { return }
    let title = tables.rewriteTitles[step.pointee.title]
    let isRedirect = step.pointee.ending == .redirect
    let path = exchange.pointee.pathBytes
    report(.notice, "rewrite", exchange, exchange.pointee.downstream) { line in
      line.append(title.span)
      line.append(isRedirect ? ": matches, the client is redirected" : ": the path is now \"")
      if isRedirect { return }
      line.appendEscaped(path.span, .standard)
      line.append("\"")
    }
  }

  @inline(never) private mutating func reportStep(
    _ step: UnsafePointer<RewriteStep>, _ exchange: ExchangePointer, _ value: ByteRange?
  ) {
    let title = tables.rewriteTitles[step.pointee.title]
    let text = value.map { kept($0, exchange) }
    report(.notice, "rewrite", exchange, exchange.pointee.downstream) { line in
      line.append(title.span)
      guard let text else { return line.append(": executed") }
      line.append(": \"")
      line.appendEscaped(text.span, .standard)
      line.append("\"")
    }
  }
}

extension Template {
  /// True when it asks for `$1` to `$9`.
  fileprivate var hasGroups: Bool {
    parts.indices.contains { parts[$0].variable == .group }
  }
}

extension RequestIDPolicy {
  /// True when both decide alike about every request.
  fileprivate func isSame(as other: RequestIDPolicy) -> Bool {
    mode == other.mode && format == other.format && rejectsInvalid == other.rejectsInvalid
      && maximumLength == other.maximumLength && isField(other.header.span)
      && trust.includesAll == other.trust.includesAll
      && trust.includesUnix == other.trust.includesUnix
      && trust.includesVerified == other.trust.includesVerified
      && trust.networks.count == other.trust.networks.count
      && trust.networks.indices.allSatisfy { trust.networks[$0] == other.trust.networks[$0] }
  }
}
