import Basics
import Platform
import Simulation
import Testing

/// What must be true at the end of every case, whatever it is about.
extension EngineBed {
  /// How much a case may ask of the outcome.
  enum World {
    /// Nothing was broken on purpose that the script does not know of.
    case kind
    /// Faults were injected: a client may have missed what the log says that it was sent.
    case hostile
  }

  /// Runs until all is quiet, checks that nothing is left, drains the worker, and checks the log:
  /// one line for each of `requests`, which agrees with what clients and backends saw. With nil the
  /// number is not known beforehand.
  func finish(
    requests: Int?, in kind: World = .kind, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(run() == .quiet, sourceLocation: sourceLocation)
    if kind == .kind { checkRest(sourceLocation) }
    end()
    checkLog(requests: requests, in: kind, sourceLocation: sourceLocation)
  }

  /// Nothing runs, no buffer is held, and the worker has exactly the sockets open that it knows of.
  func checkRest(_ sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(exchangeCount == 0, sourceLocation: sourceLocation)
    #expect(buffersInUse == 0, sourceLocation: sourceLocation)
    #expect(world.openConnectionCount == connectionCount, sourceLocation: sourceLocation)
  }

  /// Of a worker that has ended: nothing is open, not even a listener or a log, and the log is complete.
  func checkLog(
    requests: Int?, in kind: World = .kind, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(hasStopped, sourceLocation: sourceLocation)
    checkRest(sourceLocation)
    #expect(world.openDescriptors.isEmpty, sourceLocation: sourceLocation)
    #expect(world.mostBusyTurns < 20, "it spins", sourceLocation: sourceLocation)
    let lines = ends
    if let requests { #expect(lines.count == requests, sourceLocation: sourceLocation) }
    for line in lines { checkShape(line, sourceLocation) }
    checkPlaces(lines, sourceLocation)
    let byID = Dictionary(grouping: lines, by: \.id)
    for client in clients {
      checkClient(record(client), byID, kind, sourceLocation)
    }
    for backend in backends { checkBackend(backend, byID, sourceLocation) }
    checkErrorLog(byID, sourceLocation)
  }

  /// The keys stand in the order that the contract gives, and none that is due is absent.
  private func checkShape(_ line: AccessLine, _ sourceLocation: SourceLocation) {
    let order = [
      "time", "level", "event", "request_id", "id_source", "client_request_id",
      "upstream_request_id", "client", "connection", "connection_request", "method", "scheme",
      "host", "uri", "protocol", "status", "bytes_in", "bytes_out", "duration", "upstream",
      "upstream_status", "upstream_connect", "upstream_first_byte", "upstream_duration", "tries",
      "termination", "error", "user_agent", "referer",
    ]
    let places = line.keys.map { order.firstIndex(of: $0) ?? -1 }
    #expect(!places.contains(-1), "\(line.keys)", sourceLocation: sourceLocation)
    #expect(places == places.sorted(), "\(line.keys)", sourceLocation: sourceLocation)
    for key in ["time", "level", "request_id", "client", "status", "bytes_in", "bytes_out"] {
      #expect(line[key] != nil, "\(key) of \(line.keys)", sourceLocation: sourceLocation)
    }
    let isCut = !line.termination.isEmpty
    let expected = line.status >= 499 ? "ERROR" : line.status >= 400 ? "WARN" : "INFO"
    #expect(
      line["level"] == expected || isCut && line["level"] == "ERROR", "\(line.members)",
      sourceLocation: sourceLocation)
  }

  /// Each request of each connection has exactly one line, and none is skipped.
  private func checkPlaces(_ lines: [AccessLine], _ sourceLocation: SourceLocation) {
    #expect(Set(lines.map(\.place)).count == lines.count, sourceLocation: sourceLocation)
    for (connection, ofConnection) in Dictionary(grouping: lines, by: { $0["connection"] ?? "" }) {
      let numbers = ofConnection.compactMap { $0["connection_request"].flatMap { Int($0) } }
      #expect(
        numbers.sorted() == Array(1...ofConnection.count), "connection \(connection)",
        sourceLocation: sourceLocation)
    }
  }

  /// Each response that a client saw has one ID, whose line says what the client saw.
  private func checkClient(
    _ record: ConnectionRecord, _ byID: [String: [AccessLine]], _ kind: World,
    _ sourceLocation: SourceLocation
  ) {
    var messages = record.messages
    if let partial = record.partialMessage, !partial.fields.isEmpty { messages.append(partial) }
    for message in messages {
      let ids = message.values(of: "x-request-id")
      if !message.isComplete && ids.isEmpty { continue }
      #expect(ids.count == 1, "\(message.startLine)", sourceLocation: sourceLocation)
      guard let line = byID[ids.first ?? ""]?.first, byID[line.id]?.count == 1 else {
        Issue.record("not exactly one line for \(ids)", sourceLocation: sourceLocation)
        continue
      }
      guard !message.isInterim, message.status != 101, message.isComplete else { continue }
      let wasLost = kind == .hostile && line.status == 499
      #expect(line.status == message.status || wasLost, sourceLocation: sourceLocation)
      #expect(line.bytesOut == message.content.count, "\(line)", sourceLocation: sourceLocation)
    }
  }

  /// Each request that a backend saw has one ID, which has a line, and no more of them came than
  /// the line has tries.
  private func checkBackend(
    _ backend: BackendID, _ byID: [String: [AccessLine]], _ sourceLocation: SourceLocation
  ) {
    for record in world.connections(of: backend) {
      for message in record.messages {
        let ids = message.values(of: "x-request-id")
        #expect(ids.count == 1, "\(message.startLine)", sourceLocation: sourceLocation)
        #expect(byID[ids.first ?? ""]?.count == 1, "\(ids)", sourceLocation: sourceLocation)
      }
    }
    let seen = world.requests(of: backend).compactMap { $0.value(of: "x-request-id") }
    for (id, copies) in Dictionary(grouping: seen, by: { $0 }) {
      let tries = byID[id]?.first.map { max(1, $0.tries.count) } ?? 0
      #expect(copies.count <= tries, "\(id)", sourceLocation: sourceLocation)
    }
  }

  /// Every request ID of the error log has an access line.
  private func checkErrorLog(
    _ byID: [String: [AccessLine]], _ sourceLocation: SourceLocation
  ) {
    for line in errors {
      guard let start = line.firstRange(of: "[req-"),
        let end = line[start.upperBound...].firstIndex(of: "]")
      else { continue }
      let id = String(line[start.upperBound..<end])
      #expect(byID[id] != nil, "\(line)", sourceLocation: sourceLocation)
    }
  }
}
