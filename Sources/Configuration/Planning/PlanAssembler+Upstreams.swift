import Basics
import HTTP
import Plan
import Policy
import Telemetry

/// `upstream`, and the unnamed one of each address in `proxy_pass`.
extension PlanAssembler {
  /// The plan of a declared upstream.
  func freeze(_ upstream: UpstreamDeclaration) -> UpstreamPlan {
    var plan = UpstreamPlan(
      name: arena.freeze(upstream.name.text),
      peers: arena.freeze(upstream.peers.flatMap { freeze($0) }), method: upstream.method,
      hashKey: upstream.hashKey,
      idleConnections: upstream.idleConnections.map { Int($0) } ?? Limits.idleUpstreamConnections,
      idleTimeout: upstream.idleTimeout ?? Limits.idleUpstreamTimeout,
      keepaliveRequests: upstream.keepaliveRequests.map { UInt32($0) } ?? 1000)
    plan.failsOpen = upstream.failsOpen
    plan.resolved = resolvedServers(upstream)
    let all = upstream.peers + upstream.resolved.map(\.peer)
    if all.contains(where: { $0.slowStartPlace != nil }) { refineWeights(&plan) }
    return plan
  }

  /// Gives weights so fine a unit that shares can grow.
  private func refineWeights(_ plan: inout UpstreamPlan) {
    func refined(_ peer: Peer) -> Peer {
      var peer = peer
      peer.weightUnit = Limits.slowStartSteps
      peer.weight = min(peer.weight, .max / peer.weightUnit) * peer.weightUnit
      return peer
    }
    plan.peers = arena.freeze(plan.peers.indices.map { refined(plan.peers[$0]) })
    plan.resolved = arena.freeze(
      plan.resolved.indices.map { index in
        var server = plan.resolved[index]
        server.template = refined(server.template)
        return server
      })
  }

  private func freeze(_ peer: PeerDeclaration) -> [Peer] {
    peer.endpoints.map { endpoint in
      var frozen = Peer(
        address: endpoint.address, unixPath: arena.freeze(endpoint.unixPath),
        name: arena.freeze(endpoint.name), weight: UInt32(peer.weight),
        maximumFailures: UInt32(peer.maximumFailures), failTimeout: peer.failTimeout,
        maximumConnections: UInt32(peer.maximumConnections), isBackup: peer.backupPlace != nil,
        isDown: peer.isDown)
      frozen.slowStart = peer.slowStart
      return frozen
    }
  }

  /// The upstream that a `proxy_pass` names; nil when it has no address, which is reported.
  func upstreamIndex(_ pass: PassDeclaration) -> Int? {
    switch pass.target {
    case .computed:
      // Requests are counted under what is written; it has no peers of its own.
      return implicitUpstream("$ \(pass.authority)", [], name: pass.authority)
    case .unix(let path):
      let endpoint = Endpoint(address: .unix, unixPath: path, name: "unix:\(path)")
      return implicitUpstream("unix:\(path)", [endpoint])
    case .name(let name):
      if let declared = declaredUpstreams[name.lowercased()] { return declared }
      guard !pass.isGRPC else {
        reporter.error(
          pass.authorityPlace, "\"\(name)\" is no upstream, and has no port",
          expected: "the name of an upstream, or HOST:PORT",
          suggestion: Suggestion.nearest(to: name, among: declaredUpstreams.keys))
        return nil
      }
      let port: UInt16 = pass.isSecure ? 443 : 80
      return hostUpstream(name, port: port, pass, suggestsUpstreams: true)
    case .host(let host, let port):
      guard declaredUpstreams[host.lowercased()] != nil else {
        return hostUpstream(host, port: port, pass, suggestsUpstreams: false)
      }
      reporter.error(
        pass.authorityPlace, "the upstream \"\(host)\" defines its own ports",
        expected: pass.isGRPC ? "grpc://\(host)" : "http://\(host)")
      return nil
    }
  }

  private func hostUpstream(
    _ host: String, port: UInt16, _ pass: PassDeclaration, suggestsUpstreams: Bool
  ) -> Int? {
    let key = "\(host.lowercased()):\(port)"
    if let known = implicitUpstreams[key] { return known }
    if builder.failed.mayDeclare(.upstream, host) { return nil }
    let endpoints = builder.endpoints(host: host, port: port, at: pass.authorityPlace) {
      suggestsUpstreams ? Suggestion.nearest(to: host, among: declaredUpstreams.keys) : nil
    }
    return endpoints.map { implicitUpstream(key, $0, name: pass.authority) }
  }

  func implicitUpstream(
    _ key: String, _ endpoints: [Endpoint], name: String? = nil
  ) -> Int {
    if let known = implicitUpstreams[key] { return known }
    let name = Word(
      text: name ?? key, place: Place(file: 0, offset: 0, count: 0), isQuoted: false,
      isVerbatim: false, startsLine: false)
    let peers = endpoints.map { PeerDeclaration(place: name.place, endpoints: [$0]) }
    let declaration = UpstreamDeclaration(name: name, peers: peers)
    upstreams.append(freeze(declaration))
    implicitUpstreams[key] = upstreams.count - 1
    return upstreams.count - 1
  }

  /// `$proxy_port`; a unix socket has none.
  func proxyPort(_ pass: PassDeclaration) -> String {
    switch pass.target {
    case .unix, .computed: ""
    case .name: pass.isSecure ? "443" : "80"
    case .host(_, let port): "\(port)"
    }
  }

  /// `$proxy_host`: as written, without HTTP's own port; a unix socket is `localhost`, as in nginx.
  func proxyHost(_ pass: PassDeclaration) -> String {
    switch pass.target {
    case .unix: "localhost"
    case .computed: ""
    case .name(let name): name
    case .host(let host, let port):
      port == (pass.isSecure ? 443 : 80) && !pass.isGRPC ? host : "\(host):\(port)"
    }
  }
}
