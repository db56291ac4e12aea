import Basics
import Policy

/// `upstream` and what stands in it.
extension DirectiveCatalog {
  static let upstreams: [Directive] = [
    Directive(
      "upstream", in: .top, "NAME", opensBlock: true, isRepeatable: true,
      "A group of servers for `proxy_pass`."
    ) { $0.upstream($1) },
    Directive(
      "server", in: .upstream,
      """
      ADDRESS [weight=NUMBER] [max_fails=NUMBER] [fail_timeout=TIME] [max_conns=NUMBER] \
      [slow_start=TIME] [backup] [down] [resolve] [service=NAME]
      """,
      count: .atLeast(1), isRepeatable: true,
      """
      A server: `host:port` (port 80 by default; all addresses of a name) or `unix:PATH`. \
      `weight`: its share (1). `max_fails` (1) failures within `fail_timeout` (10s) make it \
      unavailable for that time; with 0, never. `max_conns`: connections per worker (0, \
      unlimited). `slow_start`: a server that has come back gets its share little by little over \
      that time (0, at once); not with `random`, `hash` and `ip_hash`. `backup`: used only if no \
      other server is available. `down`: never used. `resolve`: the name is looked up again \
      whenever the time of the last answer is over (see `resolver`), and its servers change with \
      it. `service`, with `resolve` and without a port: the servers are those of the SRV records \
      of `_NAME._tcp` (or of a name with dots as it is) below the host.
      """
    ) { $0.upstreamServer($1) },
    Directive(
      "keepalive", in: .upstream, "NUMBER", default: "32",
      "How many idle connections each worker keeps to the group's servers; 0 keeps none."
    ) { builder, use in
      builder.upstream?.idleConnections = builder.number(use.arguments[0], 0...65_536)
    },
    Directive(
      "keepalive_timeout", in: .upstream, "TIME", default: "60s",
      "How long an idle connection to a server is kept."
    ) { builder, use in
      builder.upstream?.idleTimeout = builder.time(use.arguments[0])
    },
    Directive(
      "keepalive_requests", in: .upstream, "NUMBER", default: "1000",
      "How many requests one connection to a server may carry."
    ) { builder, use in
      builder.upstream?.keepaliveRequests = builder.number(
        use.arguments[0], 1...UInt64(UInt32.max))
    },
    Directive(
      "fail_open", in: .upstream, "on | off", default: "on",
      """
      When every server of the group has failed, the one that failed longest ago is tried instead \
      of answering 502 at once. Servers that refused the connection are then tried again twice a \
      second, so that a group that was restarted serves as soon as it accepts connections. Servers \
      that are `down` are never tried.
      """
    ) { builder, use in
      if let value = builder.flag(use.arguments[0]) { builder.upstream?.failsOpen = value }
    },
    Directive(
      "least_conn", in: .upstream, "", count: 0...0,
      """
      The next request goes to the server with the fewest running requests, taking weights into \
      account.
      """
    ) { builder, use in builder.balance(.leastConnections, use) },
    Directive(
      "random", in: .upstream, "[two [least_conn]]", count: 0...2,
      "A random server, taking weights into account; with `two`, the less busy of two."
    ) { builder, use in
      if use.arguments.count > 0, builder.choice(use.arguments[0], ["two": true]) == nil { return }
      if use.arguments.count > 1, builder.choice(use.arguments[1], ["least_conn": true]) == nil {
        return
      }
      builder.balance(use.arguments.isEmpty ? .random : .randomTwo, use)
    },
    Directive(
      "ip_hash", in: .upstream, "", count: 0...0,
      """
      The server that a client's address belongs to: the first three bytes of an IPv4 address, all \
      of an IPv6 address. It is the one that nginx chooses.
      """
    ) { builder, use in builder.balance(.addressHash, use) },
    Directive(
      "hash", in: .upstream, "KEY [consistent]", count: 1...2,
      """
      The server that a key maps to; the key is text with variables such as `$remote_addr`. It is \
      the one that nginx chooses. With `consistent`, adding or removing a server moves only few \
      keys; which server has which key is then another than in nginx.
      """
    ) { builder, use in
      let isConsistent = use.arguments.count > 1
      if isConsistent, builder.choice(use.arguments[1], ["consistent": true]) == nil { return }
      guard let key = builder.template(use.arguments[0]) else { return }
      builder.balance(isConsistent ? .consistentHash : .hash, use)
      builder.upstream?.hashKey = key
    },
  ]
}

extension ConfigurationBuilder {
  fileprivate func upstream(_ use: DirectiveUse) {
    let name = use.arguments[0]
    guard let block = use.block else { return }
    upstream = UpstreamDeclaration(name: name)
    let errorsBefore = reporter.errorCount
    _ = build(block, in: .upstream)
    let hasErrors = reporter.errorCount > errorsBefore
    defer { upstream = nil }
    guard let declared = upstream, isNewUpstream(name) else { return }
    upstreamPlaces[declared.name.text.lowercased()] = declared.name.place
    upstreams.append(declared)
    // A server with an error is one.
    if hasErrors { return }
    guard !declared.peers.isEmpty || !declared.resolved.isEmpty else {
      reporter.error(name.place, "the upstream \"\(name.text)\" has no servers")
      return
    }
    checkBackups(declared)
  }

  private func isNewUpstream(_ name: Word) -> Bool {
    let isName =
      !name.text.isEmpty
      && name.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"/:$?#[]".utf8.contains($0) }
    guard isName else {
      reporter.error(
        name.place, "invalid upstream name \"\(name.text)\"",
        expected: "letters, digits, \"_\", \"-\" and \".\"")
      return false
    }
    if let twin = upstreamPlaces[name.text.lowercased()] {
      let line = reporter.describe(twin, from: name.place)
      reporter.error(name.place, "the upstream \"\(name.text)\" is already declared at \(line)")
      return false
    }
    return true
  }

  private func checkBackups(_ upstream: UpstreamDeclaration) {
    let all = upstream.peers + upstream.resolved.map(\.peer)
    let backups = all.compactMap(\.backupPlace)
    switch upstream.method {
    case .random, .randomTwo, .hash, .consistentHash, .addressHash:
      for place in backups {
        reporter.error(place, "the balancing method does not support \"backup\"")
      }
      for place in all.compactMap(\.slowStartPlace) {
        reporter.error(place, "the balancing method does not support \"slow_start\"")
      }
    case .roundRobin, .leastConnections:
      guard backups.count == all.count else { return }
      reporter.error(
        upstream.name.place, "all servers of the upstream \"\(upstream.name.text)\" are backups")
    }
  }

  fileprivate func balance(_ method: BalancingMethod, _ use: DirectiveUse) {
    if let first = upstream?.methodPlace {
      let line = reporter.describe(first, from: use.name.place)
      reporter.error(use.name.place, "the balancing method is already set at \(line)")
      return
    }
    upstream?.method = method
    upstream?.methodPlace = use.name.place
  }
}
