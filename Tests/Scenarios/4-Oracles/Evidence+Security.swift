import Simulation

/// What is said over TLS is what would be said without, and nobody is told otherwise.
extension Evidence {
  /// True when the worker must have seen a byte of a client's request.
  func hasReadRequest(of plan: ClientPlan, _ record: ConnectionRecord) -> Bool {
    // What comes first is no request yet.
    if plan.isMultiplexed { return false }
    let before = plan.preface?.bytes.count ?? 0
    guard plan.entrance.isSecure else { return record.takenCount > before }
    // Who has left can't be told the handshake's end, and what came behind that is not opened.
    guard plan.kind.isFaithful, !record.wasReset else { return false }
    // A record can be opened when all of it has come.
    return record.firstSealedEnd.map { record.takenCount >= $0 } ?? false
  }

  /// The line says what the request came over.
  func judgeSecurity(_ line: AccessLine, of plan: ClientPlan) -> [Violation] {
    let scheme = plan.entrance.isSecure ? "https" : "http"
    let hasVersion = line["tls_version"] != nil
    if line["scheme"] == scheme && hasVersion == plan.entrance.isSecure { return [] }
    return [Violation(.identity, "\(line.place) came over \(scheme), which is not logged")]
  }

  /// The backend is told what the request came over.
  func judgeSecurity(_ seen: SeenMessage, of request: PlannedRequest) -> [Violation] {
    guard let plan = plansByNonce[request.nonce] else { return [] }
    let told = seen.values(of: "x-forwarded-proto")
    if told == [plan.entrance.isSecure ? "https" : "http"] { return [] }
    return [Violation(.identity, "a backend was told that \(request.nonce) came over \(told)")]
  }

  /// No peer misuses TLS in these worlds: a session that fails got bytes that nobody has sealed, or
  /// got them in another order, or not all of them.
  func judgeSecurity() -> [Violation] {
    var found: [Violation] = []
    let all = clients.map(\.record) + backends.flatMap(\.connections)
    for failure in all.compactMap(\.securityFailure) {
      found.append(Violation(.content, "a peer's session failed: \(failure)"))
    }
    for line in world.logs.lines(of: "/error")
    where line.contains("the session is broken") || scenario.isCalm && line.contains(" tls ") {
      found.append(Violation(.content, "a session failed: \(line)"))
    }
    return found
  }
}
