import HTTP
import Simulation

/// Conf files out of seeds.
extension ConfPlan {
  /// A conf file such as a seed decides. Calm ones have no limit that refuses anybody.
  init(
    _ chance: inout SeededGenerator, isCalm: Bool, security: SecurityPlan, operation: Operation,
    multiplexing: Multiplexing, detours: Detours, traces: Traces
  ) {
    self.detours = detours
    self.traces = traces
    self.security = security
    self.multiplexing = multiplexing
    self.operation = operation
    isBulky = chance.happens(250)
    entrances = Entrance.chosen(&chance, security)
    believed = chance.pick(Believed.allCases)
    backends = ConfPlan.backends(&chance)
    workerCount = chance.happens(250) ? 2 : 1
    if chance.happens(200) { idField = "x-correlation-id" }
    servers = (0..<chance.between(1...3)).map { number in
      ServerFacts.chosen(number, &chance)
    }
    for server in servers.indices {
      for place in servers[server].locations.indices {
        detours.add(to: &servers[server].locations[place], number: server * 100 + place)
        traces.add(to: &servers[server].locations[place], number: server * 100 + place)
      }
    }
    var lines = topLines(&chance, isCalm: isCalm)
    lines += retryLines(&chance, isCalm: isCalm)
    lines += upstreamLines(&chance, isCalm: isCalm)
    for (index, server) in servers.enumerated() {
      lines += serverLines(server, isFirst: index == 0)
    }
    text = lines.joined(separator: "\n") + "\n"
  }

  /// One to three backends, some of which listen on unix sockets.
  private static func backends(_ chance: inout SeededGenerator) -> [Location] {
    (1...chance.between(1...3)).map { number in
      chance.happens(200)
        ? .unix("/backend\(number)") : .ipv4(10, 0, 0, UInt8(number), port: 8000)
    }
  }

  private mutating func topLines(_ chance: inout SeededGenerator, isCalm: Bool) -> [String] {
    let isTight = !isCalm && chance.happens(150)
    hasTightLimits = isTight
    var lines = [
      "worker_connections \(isTight ? chance.between(6...20) : 512);",
      "shutdown_timeout \(chance.pick([5, 40]))s;",
      "error_log /error info;",
      "access_log /log json\(chance.happens(300) ? " sync=response" : "");",
      "request_id_header \(idField == "x-request-id" ? "X-Request-ID" : "X-Correlation-ID");",
    ]
    lines += believed.lines + security.lines + operation.lines + multiplexing.lines
    if chance.happens(600) { lines += secondLogLines(&chance) }
    for timeout in [
      "client_header_timeout", "client_body_timeout", "send_timeout", "proxy_connect_timeout",
      "proxy_read_timeout", "proxy_send_timeout", "keepalive_timeout",
    ] {
      // Calm worlds are slow, too, but never so slow that a timeout comes.
      lines.append("\(timeout) \(isCalm ? 60 : chance.pick([1, 3, 10, 60]))s;")
    }
    if chance.happens(200) { lines.append("keepalive_requests \(chance.between(1...4));") }
    if !isCalm && chance.happens(200) { lines.append("proxy_ignore_client_abort off;") }
    return lines + bufferingLines(&chance) + responseBufferingLines(&chance)
  }

  /// Half of the worlds read contents whole first: in memory, in files, and beyond what is allowed.
  private func bufferingLines(_ chance: inout SeededGenerator) -> [String] {
    guard chance.happens(500) else { return ["proxy_request_buffering off;"] }
    return [
      "client_body_buffer_size \(chance.pick(["1", "100", "4k", "64k", "192k"]));",
      "temp_space \(chance.pick(["0", "10k", "1g", "1g"]));",
    ]
  }

  /// In most worlds responses are kept for slow clients: in memory, in files, and beyond both.
  private func responseBufferingLines(_ chance: inout SeededGenerator) -> [String] {
    guard chance.happens(700) else { return ["proxy_buffering off;"] }
    let size = chance.pick([1, 16, 256, 4096])
    return [
      "proxy_buffer_size \(size); proxy_buffers \(chance.between(3...8)) \(size);",
      "proxy_max_temp_file_size \(chance.pick(["0", "8k", "50k", "100m", "100m"]));",
    ]
  }

  private mutating func secondLogLines(_ chance: inout SeededGenerator) -> [String] {
    secondLog = "/second"
    let format = chance.pick(["combined", "simple", "verbose", "mine"])
    // The other formats can't tell a tunnel's opening from its end, so they don't get it.
    secondLogTellsEvents = ["simple", "verbose"].contains(format)
    let buffer = chance.happens(500) ? " buffer=\(chance.pick([1, 4]))k flush=1s" : ""
    let mine = "log_format mine escape=json '$status $request_uri $request_id $request_time';"
    return (format == "mine" ? [mine] : []) + ["access_log /second \(format)\(buffer);"]
  }

  private mutating func retryLines(_ chance: inout SeededGenerator, isCalm: Bool) -> [String] {
    var conditions = ["error", "timeout", "invalid_header"].filter { _ in chance.happens(600) }
    if chance.happens(300) {
      conditions.append("http_503")
      retriedStatuses = [503]
    }
    if chance.happens(150) {
      conditions.append("non_idempotent")
      repeatsAnyMethod = true
    }
    var lines = [
      "proxy_next_upstream \(conditions.isEmpty ? "off" : conditions.joined(separator: " "));"
    ]
    if chance.happens(300) { lines.append("proxy_next_upstream_tries \(chance.between(1...3));") }
    if chance.happens(200) { lines.append("proxy_next_upstream_timeout 2s;") }
    return lines
  }

  private mutating func upstreamLines(_ chance: inout SeededGenerator, isCalm: Bool) -> [String] {
    var lines = ["upstream app {"]
    let method = chance.pick(["", "", "least_conn;", "random;", "hash $uri consistent;"])
    if !method.isEmpty { lines.append(method) }
    for (index, backend) in backends.enumerated() {
      var parameters = ""
      if !isCalm && chance.happens(200) {
        parameters += " max_conns=\(chance.between(1...4))"
        hasTightLimits = true
      }
      if chance.happens(300) { parameters += " max_fails=\(chance.pick([0, 1, 5]))" }
      if chance.happens(300) { parameters += " fail_timeout=\(chance.pick([1, 20]))s" }
      if index > 0 && !method.hasPrefix("hash") && !method.hasPrefix("random")
        && chance.happens(200)
      {
        parameters += " backup"
      }
      lines.append("server \(ConfPlan.words(for: backend))\(parameters);")
    }
    lines.append("keepalive \(chance.pick([0, 1, 2, 16]));")
    if chance.happens(300) { lines.append("keepalive_requests \(chance.between(1...5));") }
    if chance.happens(300) { lines.append("keepalive_timeout \(chance.pick([1, 5]))s;") }
    return lines + ["}"]
  }

  private static func words(for backend: Location) -> String {
    switch backend {
    case .unix(let path): "unix:\(path)"
    case .network(let address): "10.0.0.\(address.low & 255):\(address.port)"
    }
  }

  private func serverLines(_ server: ServerFacts, isFirst: Bool) -> [String] {
    var lines = ["server {"] + entrances.map { $0.line(isDefault: isFirst) }
    // Some are found by regular expressions, which must make no difference.
    let expression = server.name.split(separator: ".").joined(separator: "\\.")
    lines.append("server_name \(isFirst ? server.name : "~^(?<site>\(expression))$");")
    for (index, location) in server.locations.enumerated() {
      lines.append("location \(index % 2 == 0 ? location.path : "~ ^\(location.path)(.*)") {")
      lines += location.lines(passingTo: security.backends ? "https://app" : "http://app")
      lines.append("}")
    }
    return lines + detours.lines(passingTo: security.backends ? "https://app" : "http://app")
      + ["}"]
  }
}

extension ServerFacts {
  fileprivate static func chosen(_ number: Int, _ chance: inout SeededGenerator) -> ServerFacts {
    let name = "s\(number).example"
    let locations = (0..<chance.between(2...4)).map { index in
      LocationFacts.chosen(host: name, path: "/l\(index)/", isPlain: index == 0, &chance)
    }
    return ServerFacts(name: name, locations: locations)
  }
}

extension LocationFacts {
  fileprivate static func chosen(
    host: String, path: String, isPlain: Bool, _ chance: inout SeededGenerator
  ) -> LocationFacts {
    var facts = LocationFacts(host: host, path: path)
    if !isPlain {
      if chance.happens(250) {
        facts.action = chance.pick([.answer(200, "fine"), .answer(404, "none"), .answer(503, "")])
      }
      facts.mode = chance.pick(weighted: [(.on, 7), (.generate, 1), (.pass, 1), (.off, 1)])
      if chance.happens(250) { facts.contentLimit = chance.pick([10, 1000]) }
    }
    facts.format = chance.pick(["uuid4", "uuid4", "uuid7", "ulid", "hex"])
    facts.trust = chance.pick(weighted: [(.none, 2), (.sockets, 1), (.named, 1), (.all, 4)])
    facts.longestID = chance.pick([128, 128, 20, 255])
    facts.rejectsInvalidIDs = chance.happens(150)
    return facts
  }

  fileprivate func lines(passingTo upstream: String) -> [String] {
    var lines = [
      "request_id \(mode.rawValue);", "request_id_format \(format);",
      "request_id_trust \(trust.words);",
      "request_id_max_length \(longestID);",
      "request_id_invalid \(rejectsInvalidIDs ? "reject" : "replace");",
    ]
    lines += detourLines
    if context != .ignore { lines.append("otel_trace_context \(context.rawValue);") }
    if sampling != "off" { lines.append("otel_trace \(sampling);") }
    if contentLimit > 0 { lines.append("client_max_body_size \(contentLimit);") }
    switch action {
    case .proxy: lines.append("proxy_pass \(upstream);")
    case .answer(let status, let text):
      lines.append("return \(status)\(text.isEmpty ? "" : " \(text)");")
    }
    return lines
  }
}
