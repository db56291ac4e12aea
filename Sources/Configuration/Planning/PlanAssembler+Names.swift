import Basics
import HTTP
import Plan
import Policy

/// Who is asked for names at run time, and which servers of an `upstream` have such names.
extension PlanAssembler {
  /// The number of a resolver among those of the plan.
  func resolverIndex(_ settings: NameSettings) -> Int {
    let setting = settings.resolver ?? ResolverSetting()
    if let known = resolverIndices[setting] { return known }
    var plan = ResolverPlan()
    plan.servers = arena.freeze(setting.servers)
    plan.validity = setting.validity
    plan.usesIPv4 = setting.usesIPv4
    plan.usesIPv6 = setting.usesIPv6
    resolvers.append(plan)
    resolverIndices[setting] = resolvers.count - 1
    return resolvers.count - 1
  }

  /// The servers with `resolve` of an upstream.
  func resolvedServers(_ upstream: UpstreamDeclaration) -> FrozenArray<ResolvedServerPlan> {
    guard !upstream.resolved.isEmpty else { return .empty }
    let names = upstream.names.inheriting(builder.settings.names)
    let resolver = resolverIndex(names)
    return arena.freeze(
      upstream.resolved.map { server in
        ResolvedServerPlan(
          name: arena.freeze(server.name), isService: server.isService, port: server.port,
          resolver: resolver, timeout: names.timeout ?? Limits.resolverTimeout,
          template: template(server.peer))
      })
  }

  private func template(_ peer: PeerDeclaration) -> Peer {
    var template = Peer(
      address: .unix, unixPath: .empty, name: .empty, weight: UInt32(peer.weight),
      maximumFailures: UInt32(peer.maximumFailures), failTimeout: peer.failTimeout,
      maximumConnections: UInt32(peer.maximumConnections), isBackup: peer.backupPlace != nil,
      isDown: peer.isDown)
    template.slowStart = peer.slowStart
    return template
  }
}
