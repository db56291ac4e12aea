import Basics
import Configuration
import HTTP
import Plan
import Policy
import Telemetry

/// Conf files: each becomes a plan or gets an error, every diagnostic points at a real place, and
/// what `-T` prints is a conf file of the same meaning.
final class ConfigurationProperty: Property {
  func check(_ input: Span<UInt8>) throws(Violation) {
    var bytes: [UInt8] = []
    for index in input.indices { bytes.append(input[index]) }
    let compiled = compile(bytes)
    let hasErrors = compiled.diagnostics.contains { $0.severity == .error }
    try expect((compiled.plan == nil) == hasErrors, "a plan or an error")
    for diagnostic in compiled.diagnostics { try checkDiagnostic(diagnostic, compiled.sources) }
    guard let plan = compiled.plan else { return }
    try checkPlan(plan.tables)
    // What is included is printed as if it stood in the file, so such a text is another one.
    guard compiled.sources.count == 1 else { return }
    let printed = EffectiveConfiguration.render(compiled)
    let again = compile(Array(printed.utf8))
    guard let other = again.plan else { throw Violation(rule: "-T prints a conf file") }
    try expect(
      again.diagnostics.map(\.message) == compiled.diagnostics.map(\.message),
      "-T prints what is found fault with alike")
    try expect(shape(plan.tables) == shape(other.tables), "-T prints what means the same")
  }

  private func compile(_ bytes: [UInt8]) -> CompiledConfiguration {
    let environment = ConfigurationEnvironment(
      readFile: { path in
        switch path {
        case "fuzz.conf": .success(bytes)
        case "part.conf": .success(Array("upstream part { server 10.0.0.3; }\n".utf8))
        case "loop.conf": .success(Array("include loop.conf;".utf8))
        default: .failure(FileProblem(reason: "No such file or directory"))
        }
      },
      listFiles: { $0.hasPrefix("p") ? ["part.conf"] : [] },
      resolve: { name in
        name == "localhost"
          ? .success([PeerAddress(family: .ipv4, high: 0, low: 0x7F00_0001, port: 0)])
          : .failure(ResolveProblem(reason: "Name or service not known"))
      }, hostname: "machine")
    return compileConfiguration(path: "fuzz.conf", environment: environment)
  }

  private func checkDiagnostic(
    _ diagnostic: Diagnostic, _ sources: [SourceFile]
  ) throws(Violation) {
    try expect(!diagnostic.message.isEmpty, "a diagnostic says something")
    let shown = diagnostic.render()
    try expect(shown.hasPrefix(diagnostic.file), "a diagnostic names its file")
    for scalar in shown.unicodeScalars where scalar != "\n" && scalar != "\t" {
      try expect(
        scalar.properties.generalCategory != .control,
        "a diagnostic sends no control to a terminal")
    }
    guard diagnostic.line > 0 else {
      return try expect(diagnostic.line == 0 && diagnostic.column == 0, "a whole file has no line")
    }
    guard let source = sources.first(where: { $0.path == diagnostic.file }) else {
      throw Violation(rule: "a diagnostic is about a file that was read")
    }
    let lines = source.bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    try expect(diagnostic.line <= lines.count, "a diagnostic's line is in the file")
    var line = lines[diagnostic.line - 1]
    if line.last == 0x0D { line.removeLast() }
    let text = String(decoding: line, as: UTF8.self)
    try expect(diagnostic.sourceLine == text, "a diagnostic shows its line")
    // Where something is missing, the place is the one behind the line's last character.
    let count = text.unicodeScalars.count
    try expect(
      diagnostic.column >= 1 && diagnostic.column <= count + 1 && diagnostic.length >= 1,
      "a diagnostic's column is in the line")
  }

  /// Every index of a plan lies within the table that it points into.
  private func checkPlan(_ tables: PlanTables) throws(Violation) {
    try expect(!tables.listeners.isEmpty && !tables.servers.isEmpty, "a plan serves something")
    for index in tables.listeners.indices {
      let server = tables.listeners[index].defaultServer
      try expect(tables.servers.indices.contains(server), "a listener has a server")
    }
    for index in tables.servers.indices {
      let location = tables.servers[index].fallbackLocation
      try expect(tables.locations.indices.contains(location), "a server has a location")
    }
    for index in tables.locations.indices {
      let location = tables.locations[index]
      if location.action == .proxy {
        try expect(tables.upstreams.indices.contains(location.upstream), "a proxy has an upstream")
      }
      for log in location.accessLogs.indices {
        let sink = location.accessLogs[log].sink
        try expect(tables.sinks.indices.contains(sink), "a log has a sink")
      }
    }
    for index in tables.upstreams.indices {
      try expect(!tables.upstreams[index].peers.isEmpty, "an upstream has a server")
    }
  }

  /// What of a plan can be compared at a glance.
  private func shape(_ tables: PlanTables) -> [String] {
    var shape = ["\(tables.workerConnections) \(tables.shutdownTimeout) \(tables.sinks.count)"]
    for index in tables.listeners.indices {
      let listener = tables.listeners[index]
      shape.append("\(listener.address) \(listener.acceptsProxyProtocol) \(listener.backlog)")
    }
    for index in tables.servers.indices {
      let server = tables.servers[index]
      shape.append("\(server.headerTimeout) \(server.headLimits) \(server.fallbackLocation)")
    }
    for index in tables.locations.indices {
      let location = tables.locations[index]
      shape.append(
        "\(location.action) \(location.answerStatus) \(location.answerText.parts.count) "
          + "\(location.upstream) \(location.requestFields.count) \(location.responseFields.count) "
          + "\(location.maximumContentBytes) \(location.readTimeout) \(location.accessLogs.count) "
          + "\(location.requestID.mode) \(location.requestID.format) \(location.retry)")
    }
    for index in tables.upstreams.indices {
      let upstream = tables.upstreams[index]
      shape.append("\(upstream.peers.count) \(upstream.method) \(upstream.idleConnections)")
    }
    return shape
  }
}
