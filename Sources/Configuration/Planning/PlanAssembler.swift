import Basics
import HTTP
import Plan
import Policy
import RegularExpressions
import Telemetry

/// Merges what a conf file declares level by level, checks what only the whole can show (names that
/// nobody declared, servers that hide each other) and freezes it into the tables of a plan.
final class PlanAssembler {
  let builder: ConfigurationBuilder
  let reporter: DiagnosticReporter
  let arena: Arena

  // The tables as they grow.
  var listeners: [ListenerPlan] = []
  var servers: [ServerPlan] = []
  var locations: [LocationPlan] = []
  var expressions: [ExpressionPlan] = []
  /// Index in `expressions` of each regular expression.
  var expressionIndices: [ObjectIdentifier: Int] = [:]
  var expressionLists: [ExpressionList] = []
  /// Locations whose steps of rewriting wait for the others to be numbered.
  var pendingRewriting: [PendingRewriting] = []
  /// Every `resolver`, and the number of each.
  var resolvers: [ResolverPlan] = [ResolverPlan()]
  var resolverIndices: [ResolverSetting: Int] = [ResolverSetting(): 0]
  /// What is said of each step of rewriting.
  var rewriteTitles: [String] = []
  var nestedLocations: [LocationTable] = []
  /// `merge_slashes` of each server.
  var serverMergesSlashes: [Bool] = []
  var upstreams: [UpstreamPlan] = []
  /// Every `health_check`.
  var checks: [CheckPlan] = []
  var sinks = SinkTable()
  var requestMetrics: [RequestMetricsPlan] = []
  /// Index in `requestMetrics` of each server and upstream.
  var requestMetricsIndices: [[String]: Int] = [:]
  /// The formats that access logs ask for, each compiled once.
  var formats: [String: LogFormat] = [:]
  /// Index in `upstreams` of each `upstream`, by its name in lowercase: hosts have no case.
  var declaredUpstreams: [String: Int] = [:]
  /// Index in `upstreams` of each `proxy_pass` that names an address.
  var implicitUpstreams: [String: Int] = [:]
  /// Lists that locations inherit, as they lie in the plan.
  var networks = SharedLists<Network, FrozenArray<Network>>()
  var hiddenFields = SharedLists<String, FrozenArray<FrozenBytes>>()
  var redirectRules = SharedLists<RedirectRuleSetting, FrozenArray<ValueRule>>()
  var valueRules = SharedLists<ValueRuleSetting, FrozenArray<ValueRule>>()
  var cookieFlagRules = SharedLists<CookieFlagSetting, FrozenArray<CookieFlagRule>>()
  var charsetTypes = SharedLists<String, FrozenArray<FrozenBytes>>()
  var stageTypes = SharedLists<String, FrozenArray<FrozenBytes>>()
  var substitutionPairs = SharedLists<SubstitutionPair, FrozenArray<SubstitutionPair>>()
  var accessRules = SharedLists<AccessRule, FrozenArray<AccessRule>>()
  var limitZones: [LimitZonePlan] = []
  /// Index in `limitZones` of each zone that is used.
  var limitZoneIndices: [String: Int] = [:]
  var assignments = SharedLists<FieldSetting, FrozenArray<FieldAssignment>>()
  /// The same with nginx's Host before them, and whether they set one themselves.
  var hostAssignments = SharedLists<FieldSetting, FrozenArray<FieldAssignment>>()
  /// The same with what traces add to them.
  var contextFields: [TracedFields: FrozenArray<FieldAssignment>] = [:]
  var timedFields: [TracedFields: FrozenArray<FieldAssignment>] = [:]
  var hostIsSet = SharedLists<FieldSetting, Bool>()
  /// The peers' addresses of upstreams that were looked at, and which upstreams the server that is
  /// being assembled listens on.
  var peerEndpoints: [Int: Set<SocketEndpoint>] = [:]
  var loops: [Int: Bool] = [:]
  /// What TLS is made of, server by server and for the locations' backends.
  var tls = TLSMaterials()
  /// The merged `ssl_*` of each server.
  var serverTLS: [ServerTLSSettings] = []
  /// Where the entries of `servers` and `locations` stand.
  var serverPlaces: [BlockPlace] = []
  var locationPlaces: [BlockPlace] = []
  /// The tables of `types`, by the level that declares them; nil for nginx's own.
  var frozenTypes: [ObjectIdentifier?: FrozenArray<MediaTypeEntry>] = [:]
  /// Where the conf file relies on a default that is not nginx's.
  var differences: [(place: Place, directive: String, difference: String, settledBy: String)] = []
  /// Buffers with which something is wrong.
  var checkedBuffers: [ResponseBufferSettings] = []
  /// `nginx_defaults`
  let usesNginxDefaults: Bool
  /// The merged policies, for `waybill -T`.
  var policies: [EffectivePolicy] = []

  init(_ builder: ConfigurationBuilder) {
    self.builder = builder
    reporter = builder.reporter
    arena = builder.arena
    usesNginxDefaults = builder.nginxDefaults ?? (builder.httpPlace != nil)
  }

  /// The plan; of no use when errors were reported.
  func assemble() -> Plan {
    for upstream in builder.upstreams {
      declaredUpstreams[upstream.name.text.lowercased()] = upstreams.count
      upstreams.append(freeze(upstream))
      addChecks(upstream, index: upstreams.count - 1)
    }
    for index in builder.servers.indices where builder.servers[index].listens.isEmpty {
      if let place = builder.servers[index].firstDatagramListen,
        !builder.failed.contains("listen")
      {
        reporter.error(
          place, "the server listens only for HTTP/3, which is not supported yet",
          expected: "an additional listen without quic")
      }
      builder.servers[index].listens = defaultListens(builder.servers[index].place)
      builder.servers[index].endpoints = Set(
        builder.servers[index].listens.map(\.endpoint.socket))
    }
    noteProcessDifferences()
    noteLogFormats(builder.settings.logs)
    for server in builder.servers { assemble(server) }
    tls.servers = servers.map { _ in nil }
    assembleListeners()
    if builder.servers.isEmpty, reporter.errorCount == 0 {
      reporter.error(
        Place(file: 0, offset: 0, count: 0), "no server is defined",
        expected: "a server { … } with listen and location")
    }
    let errorLogs = freezeErrorLogs(builder.settings.logs)
    let upstreamMetrics = assignUpstreamMetrics()
    finishTracing()
    var tables = PlanTables(
      listeners: arena.freeze(listeners), servers: arena.freeze(servers),
      locations: arena.freeze(locations), upstreams: arena.freeze(upstreams),
      sinks: arena.freeze(sinks.plans(arena, hostname: builder.environment.hostname)),
      capturedFields: freezeCapturedFields(),
      workerConnections: Int(
        builder.process.workerConnections ?? UInt64(Limits.workerConnections)),
      shutdownTimeout: builder.process.shutdownTimeout ?? Limits.shutdownTimeout,
      usesLocalAddress: builder.usesLocalAddress)
    tables.errorLogs = errorLogs
    tables.interpretsExpressions = builder.expressions.values.contains { !$0.isMachineCode }
    tables.expressionLists = arena.freeze(expressionLists)
    tables.nestedLocations = arena.freeze(nestedLocations)
    tables.keepsGroups = builder.templates.usesGroups
    tables.limitZones = arena.freeze(limitZones)
    tables.usesClientCertificate = builder.usesClientCertificate
    let start = Place(file: 0, offset: 0, count: 0)
    tables.hostTemplate =
      builder.template("$host", place: { _, _ in start }) ?? tables.hostTemplate
    setVariables(&tables)
    tables.checks = arena.freeze(checks)
    tables.resolvers = arena.freeze(resolvers)
    tables.usesNames = tables.computesUpstreams || upstreams.contains { !$0.resolved.isEmpty }
    tables.requestMetrics = arena.freeze(requestMetrics)
    tables.upstreamMetrics = arena.freeze(upstreamMetrics)
    tables.workerShutdownTimeout = builder.process.workerShutdownTimeout
    tables.shutdownDelay = builder.process.shutdownDelay ?? Interval(nanoseconds: 0)
    tables.temporaryBytes = builder.process.temporaryBytes ?? Limits.temporaryBytes
    tables.logQueueBytes = builder.process.logQueueBytes ?? Limits.logQueueBytes
    tables.logValueBytes = builder.process.logValueBytes ?? Limits.logValueBytes
    var process = ProcessPlan(
      workerThreads: builder.process.workerThreads, pidPath: builder.process.pidPath,
      user: builder.process.user, group: builder.process.group)
    process.control = builder.process.control
    process.contentFolders = builder.process.contentFolders
    return Plan(tables: tables, process: process, arena: arena)
  }

  private func freezeCapturedFields() -> FrozenArray<CapturedField> {
    arena.freeze(
      builder.templates.capturedFields.map {
        CapturedField(
          name: arena.freeze($0.name), isUpstream: $0.isUpstream, isCookie: $0.isCookie)
      })
  }

  private func defaultListens(_ place: Place) -> [ListenDeclaration] {
    let endpoints = builder.endpoints(host: "0.0.0.0", port: 80, at: place) ?? []
    return endpoints.map { ListenDeclaration(place: place, endpoint: $0) }
  }

  /// Warnings about what is missing would only follow from errors above: they wait until those are
  /// gone.
  func warn(_ place: Place, _ message: String, expected: String? = nil) {
    guard reporter.errorCount == 0 else { return }
    reporter.warning(place, message, expected: expected)
  }
}
