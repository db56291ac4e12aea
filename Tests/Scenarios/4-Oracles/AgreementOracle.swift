import Simulation

/// The log, the clients and the backends tell the same story. For cases in which every request has
/// an ID that no other one has, in X-Request-ID.
public struct AgreementOracle {
  private let byID: [String: [AccessLine]]
  private let mayLose: Bool

  /// An oracle for these lines of ended exchanges. `mayLose` says that faults were injected, by
  /// which a client may have missed what it was sent, or left after it had all.
  public init(lines: [AccessLine], mayLose: Bool) {
    byID = Dictionary(grouping: lines, by: \.id)
    self.mayLose = mayLose
  }

  /// Each response that a client saw has one ID, whose line says what the client saw.
  public func judge(client record: ConnectionRecord) -> [Violation] {
    var messages = record.messages
    if let partial = record.partialMessage, !partial.fields.isEmpty { messages.append(partial) }
    return messages.flatMap(judge)
  }

  private func judge(_ message: WireMessage) -> [Violation] {
    let ids = message.values(of: "x-request-id")
    if !message.isComplete && ids.isEmpty { return [] }
    guard ids.count == 1, let line = byID[ids[0]]?.first, byID[ids[0]]?.count == 1 else {
      return [Violation(.identity, "not one ID with one line: \(message.startLine) \(ids)")]
    }
    guard !message.isInterim, message.status != 101, message.isComplete else { return [] }
    var found: [Violation] = []
    if line.status != message.status && !(mayLose && line.status == 499) {
      found.append(
        Violation(.responses, "the client saw \(message.status), the log \(line.status)"))
    }
    // Of a HEAD whose head was not read to its end, nobody but its client knows that it is one.
    let isUnreadHead = message.status == 408 && message.content.isEmpty
    if line.bytesOut != message.content.count && !isUnreadHead {
      found.append(
        Violation(.content, "\(message.content.count) bytes came, \(line.bytesOut) are logged"))
    }
    return found
  }

  /// Each request that a backend saw has one ID, which has a line, and no more of them came than
  /// the line has tries.
  public func judge(backend connections: [ConnectionRecord]) -> [Violation] {
    let messages = connections.flatMap(\.messages)
    var found: [Violation] = []
    for message in messages {
      let ids = message.values(of: "x-request-id")
      if ids.count != 1 || byID[ids[0]]?.count != 1 {
        found.append(Violation(.identity, "a backend saw \(message.startLine) with \(ids)"))
      }
    }
    let seen = messages.compactMap { $0.value(of: "x-request-id") }
    for (id, copies) in Dictionary(grouping: seen, by: { $0 }) {
      let tries = byID[id]?.first.map { max(1, $0.tries.count) } ?? 0
      if copies.count > tries {
        found.append(Violation(.requests, "\(id) came \(copies.count) times in \(tries) tries"))
      }
    }
    return found
  }
}
