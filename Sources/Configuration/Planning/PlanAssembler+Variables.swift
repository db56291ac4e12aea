import Basics
import HTTP
import Plan
import Policy
import RegularExpressions
import Telemetry

/// The variables that a conf file makes.
extension PlanAssembler {
  /// Fills in the tables of variables. Called when all templates have been compiled.
  func setVariables(_ tables: inout PlanTables) {
    tables.maps = arena.freeze(builder.maps.map { freeze($0) })
    tables.addressMaps = arena.freeze(builder.addressMaps.map { freeze($0) })
    tables.divisions = arena.freeze(builder.divisions.map { freeze($0) })
    // Expressions of maps have been numbered by now.
    tables.expressions = arena.freeze(expressions)
    tables.variables = arena.freeze(variables())
    tables.rewriteTitles = arena.freeze(rewriteTitles.map { arena.freeze($0) })
    let known =
      declaredUpstreams.map { ($0.key, $0.value) }
      + implicitUpstreams.filter { !upstreams[$0.value].peers.isEmpty }.map { ($0.key, $0.value) }
    tables.upstreamNames = StringTable(
      known.map { (Array($0.0.lowercased().utf8), Int32($0.1)) }, arena: arena)
    if let slot = builder.templates.ownNames.firstIndex(of: "limit_rate"),
      builder.assignedSlots.contains(slot)
    {
      tables.rateSlot = slot
    }
    let asks = locations.contains { !$0.admission.authorization.path.isEmpty }
    let copies = locations.map(\.mirrors.count).max() ?? 0
    tables.subrequestsPerRequest = max(asks ? 1 : 0, copies)
    tables.computesUpstreams = locations.contains { !$0.passURL.isEmpty }
  }

  private func variables() -> [VariablePlan] {
    let names = builder.templates.ownNames
    let grouped = Set(
      builder.expressions.values.flatMap { $0.namedGroups.map { $0.name.lowercased() } })
    var plans = names.map { name in
      VariablePlan(
        name: arena.freeze(name), source: grouped.contains(name) ? .group : .assigned)
    }
    // Nobody is told that what `auth_request_set` makes has no value yet.
    for slot in builder.authorizedSlots { plans[slot].source = .group }
    // What `set` makes besides is empty, not absent, where it was not executed.
    for slot in builder.assignedSlots { plans[slot].source = .assigned }
    let computed: [(String, VariablePlan.Source)] = [
      ("document_root", .documentRoot), ("realpath_root", .documentRoot),
      ("request_filename", .requestFilename), ("proxy_port", .proxyPort),
      ("request_body", .requestBody), ("limit_rate", .limitRate),
    ]
    for (name, source) in computed {
      guard let slot = names.firstIndex(of: name) else { continue }
      plans[slot].source = source
      // The rate stays what `set` makes it.
      plans[slot].isVolatile = source != .limitRate
    }
    for fact in ComputedFact.allCases {
      guard let slot = names.firstIndex(of: fact.name) else { continue }
      plans[slot].source = .fact
      plans[slot].index = fact.rawValue
      plans[slot].isVolatile = true
    }
    for (index, map) in builder.maps.enumerated() {
      plans[map.slot].source = .map
      plans[map.slot].index = index
      plans[map.slot].isVolatile = map.isVolatile
    }
    for (index, map) in builder.addressMaps.enumerated() {
      plans[map.slot].source = .addressMap
      plans[map.slot].index = index
    }
    for (index, division) in builder.divisions.enumerated() {
      plans[division.slot].source = .division
      plans[division.slot].index = index
    }
    return plans
  }

  private func freeze(_ map: MapDeclaration) -> MapPlan {
    var hostnames: ServerNameTable?
    var keys = StringTable.empty
    if map.hasHostnames {
      hostnames = ServerNameTable(
        names: map.keys.map { (name: $0.key, server: $0.value) }, arena: arena)
    } else {
      keys = StringTable(
        map.keys.map { (Array($0.key.utf8), Int32($0.value)) }, arena: arena)
    }
    return MapPlan(
      source: map.source, keys: keys, hostnames: hostnames,
      expressions: arena.freeze(
        map.expressions.map {
          MapExpression(expression: planIndex(of: $0.expression), value: $0.value)
        }),
      values: arena.freeze(map.values), fallback: map.fallback ?? -1)
  }

  private func freeze(_ map: AddressMapDeclaration) -> AddressMapPlan {
    let table =
      map.usesRanges
      ? AddressTable(ranges: map.ranges, arena: arena)
      : AddressTable(
        map.order.compactMap { network in
          map.networks[network].map { (network: network, value: $0) }
        }, arena: arena)
    return AddressMapPlan(
      source: map.source, table: table,
      values: arena.freeze(map.values.map { arena.freeze($0) }),
      fallback: Int(map.fallback ?? -1), proxies: map.proxies.freeze(arena, &networks),
      isRecursive: map.isRecursive)
  }

  private func freeze(_ division: DivisionDeclaration) -> DivisionPlan {
    var sum: UInt64 = 0
    let parts = division.parts.map { part in
      guard let share = part.share else {
        return DivisionPart(limit: nil, value: arena.freeze(part.value))
      }
      sum += share
      // Cut to a whole number as nginx cuts it; all of it leaves no gap.
      let limit = sum >= 10_000 ? nil : UInt32(sum * 0xFFFF_FFFF / 10_000)
      return DivisionPart(limit: limit, value: arena.freeze(part.value))
    }
    return DivisionPlan(key: division.key, parts: arena.freeze(parts))
  }
}
