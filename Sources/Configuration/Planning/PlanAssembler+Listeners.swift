import Basics
import HTTP
import Plan
import Policy

/// `listen`: one listener for each address, whatever the number of servers that share it.
extension PlanAssembler {
  /// Fills the table of listeners from the servers' declarations.
  func assembleListeners() {
    var groups: [[(server: Int, listen: ListenDeclaration)]] = []
    var indices: [SocketEndpoint: Int] = [:]
    for (index, server) in builder.servers.enumerated() {
      for var listen in server.listens {
        if serverTLS[index].isOn == true { listen.isSecure = true }
        if let known = indices[listen.endpoint.socket] {
          groups[known].append((index, listen))
        } else {
          indices[listen.endpoint.socket] = groups.count
          groups.append([(index, listen)])
        }
      }
    }
    listeners = groups.map { listener($0) }
  }

  private func listener(_ uses: [(server: Int, listen: ListenDeclaration)]) -> ListenerPlan {
    let endpoint = uses[0].listen.endpoint
    let defaultServer = defaultServer(uses)
    let servers = uses.map(\.server)
    let nameExpressions = nameExpressions(servers)
    var plan = ListenerPlan(
      address: endpoint.address, unixPath: arena.freeze(endpoint.unixPath),
      acceptsProxyProtocol: uses.contains { $0.listen.acceptsProxyProtocol },
      backlog: backlog(uses.map(\.listen)),
      serverNames: ServerNameTable(
        names: names(servers, endpoint, defaultServer: defaultServer),
        hasExpressions: !nameExpressions.isEmpty, arena: arena),
      defaultServer: defaultServer)
    plan.nameExpressions = arena.freeze(nameExpressions)
    plan.mergesSlashes = serverMergesSlashes[defaultServer]
    plan.inheritedName = arena.freeze(endpoint.inheritedName)
    plan.isDualStack = isDualStack(uses.map(\.listen))
    // As in nginx, the parameter concerns all servers of the address, and no other address.
    plan.offersHTTP2 = uses.contains { $0.listen.speaksHTTP2 }
    plan.speaksHTTP2 = plan.offersHTTP2 || servers.contains { serverTLS[$0].offersHTTP2 == true }
    plan.isSecure = uses.contains { $0.listen.isSecure }
    if plan.isSecure { for server in servers { requireCertificate(server, endpoint) } }
    return plan
  }

  private func defaultServer(_ uses: [(server: Int, listen: ListenDeclaration)]) -> Int {
    var chosen: (server: Int, listen: ListenDeclaration)?
    for use in uses where use.listen.isDefaultServer {
      guard let first = chosen else {
        chosen = use
        continue
      }
      let line = reporter.describe(first.listen.place, from: use.listen.place)
      reporter.error(
        use.listen.place, "\(use.listen.endpoint.name) already has a default server, at \(line)")
    }
    return (chosen ?? uses[0]).server
  }

  /// `ipv6only=`, which only one of an address's servers need say.
  private func isDualStack(_ listens: [ListenDeclaration]) -> Bool {
    let said = listens.filter { $0.dualStackPlace != nil }
    for listen in said where listen.isDualStack != said[0].isDualStack {
      guard let place = listen.dualStackPlace else { continue }
      let line = reporter.describe(said[0].place, from: place)
      reporter.error(place, "\(listen.endpoint.name) has a different \"ipv6only=\" at \(line)")
    }
    return said.first?.isDualStack ?? false
  }

  private func backlog(_ listens: [ListenDeclaration]) -> Int32 {
    var chosen: (value: Int32, place: Place)?
    for listen in listens {
      guard let backlog = listen.backlog else { continue }
      if let first = chosen, first.value != backlog.value {
        let line = reporter.describe(first.place, from: backlog.place)
        reporter.error(
          backlog.place, "\(listen.endpoint.name) has a different backlog at \(line)",
          expected: "backlog=\(first.value)")
      }
      chosen = chosen ?? backlog
    }
    return chosen?.value ?? 511
  }

  /// The regular expressions among the names of an address's servers, in their order.
  private func nameExpressions(_ servers: [Int]) -> [NameExpression] {
    servers.flatMap { server in
      builder.servers[server].names.compactMap { word in
        builder.servers[server].nameExpressions[word.text].map {
          NameExpression(expression: planIndex(of: $0), server: server)
        }
      }
    }
  }

  /// The names of an address's servers that are no regular expressions; a name that an earlier
  /// server has is not taken twice. A server without any has the empty one, by which it gets the
  /// requests without Host. The default server gets these anyhow.
  private func names(
    _ servers: [Int], _ endpoint: Endpoint, defaultServer: Int
  ) -> [(name: String, server: Int)] {
    var owners: [String: Int] = [:]
    var names: [(name: String, server: Int)] = []
    for server in servers {
      if builder.servers[server].names.isEmpty && owners[""] == nil {
        owners[""] = server
        if server != defaultServer { names.append(("", server)) }
      }
      for word in builder.servers[server].names where word.text != "_" && !word.isExpression {
        guard let owner = owners[word.text] else {
          owners[word.text] = server
          if !word.text.isEmpty || server != defaultServer { names.append((word.text, server)) }
          continue
        }
        if owner == server {
          reporter.warning(word.place, "the name \"\(word.text)\" is listed twice")
        } else {
          // A server whose `listen` has an error counts as one without: the address may be wrong.
          warn(
            word.place, "conflicting server name \"\(word.text)\" on \(endpoint.name), ignored")
        }
      }
    }
    return names
  }
}

extension Word {
  /// True for a `server_name` that is a regular expression.
  fileprivate var isExpression: Bool { text.hasPrefix("~") }
}
