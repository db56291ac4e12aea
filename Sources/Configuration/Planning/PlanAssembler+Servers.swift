import Basics
import HTTP
import Plan
import Policy
import Telemetry

/// `server` and `location`.
extension PlanAssembler {
  /// Appends a server and its locations to the tables.
  func assemble(_ server: ServerDeclaration) {
    let settings = server.settings.inheriting(
      builder.settings, replacesLists: usesNginxDefaults)
    noteDifferences(of: server, settings)
    noteLogFormats(server.settings.logs)
    loops = [:]
    let title = "server \(server.names.first?.text ?? server.listens[0].endpoint.name)"
    note(title, server.place, settings.requestID)
    let firstLocation = locations.count
    let named = namedLocations(server, first: locations.count + 1)
    let fallback = appendFallback(server, settings, named)
    let table = assembleLocations(of: server, title, settings, named, fallback: fallback)
    assembleRewriting(of: server, named)
    if server.locations.isEmpty, server.rewrites.isEmpty, locations[fallback].action == .none {
      warn(server.place, "the server has no location, return or root: all requests get 404")
    }
    let realIP = realIPPlan(settings.realIP)
    let firstName = server.names.first?.text ?? ""
    let name = firstName.isEmpty ? server.listens[0].endpoint.name : firstName
    serverPlaces.append(BlockPlace(title: name, source: source(server.place)))
    serverTLS.append(settings.serverTLS)
    assignRequestMetrics(from: firstLocation, server: name)
    var plan = ServerPlan(
      name: arena.freeze(primaryName(server)),
      headerTimeout: settings.client.headerTimeout ?? .seconds(60),
      headLimits: settings.client.headLimits,
      locationTable: table, fallbackLocation: fallback,
      realIPTrust: (settings.realIP.trust ?? TrustSetting()).freeze(arena, &networks),
      realIPHeader: realIP.header, realIPField: realIP.field)
    plan.namedLocations = arena.freeze(
      named.map { NamedLocation(name: arena.freeze($0.key), location: $0.value) })
    plan.rewriting = serverSteps(server)
    plan.fieldNames = settings.client.fieldNames
    plan.clientCertificates = settings.serverTLS.clientCertificates ?? .off
    servers.append(plan)
    serverMergesSlashes.append(settings.client.mergesSlashes ?? true)
  }

  /// `$server_name`: the first name, without the dot that stands for a wildcard.
  private func primaryName(_ server: ServerDeclaration) -> String {
    let name = server.names.first?.text ?? ""
    return name.hasPrefix(".") ? String(name.dropFirst()) : name
  }

  /// What serves a path that no location matches.
  private func appendFallback(
    _ server: ServerDeclaration, _ settings: Settings, _ named: [String: Int]
  ) -> Int {
    var location = commonPlan(settings)
    if let answer = server.answer { setAnswer(answer, settings, &location) }
    setFiles(settings, &location)
    setResponseRules(settings.responseRules, nil, path: "", &location)
    setAdmission(settings.admission, except: nil, client: nil, &location)
    setRedirection(settings, server.triedFiles, named: named, &location)
    if server.answer != nil { answerAll(&location) }
    append(location, "no location", server.place)
    return locations.count - 1
  }

  func plan(
    _ location: LocationDeclaration, in server: ServerDeclaration, _ given: Settings,
    _ named: [String: Int], isBlock: Bool = false
  ) -> LocationPlan {
    let settings = location.pass?.isGRPC == true ? given.ofGRPC : given
    var plan = commonPlan(settings)
    if !isBlock { checkNamed(location) }
    if let pass = location.pass {
      setPass(pass, location, settings, &plan)
      plan.speaksHTTP2 = settings.proxy.speaksHTTP2 ?? false
      plan.speaksGRPC = pass.isGRPC
      if pass.isSecure {
        var tls = settings.backendTLS
        tls.speaksHTTP2 = plan.speaksHTTP2
        setBackendTLS(pass, tls, &plan)
      }
      warnOfLoop(pass, plan, server)
      let own = pass.isGRPC ? location.settings.ofGRPC : location.settings
      if let place = own.lengthFieldPlace, !plan.dropsRequestContent {
        warn(place, "\"Content-Length\" can't be removed: it frames the content")
      }
    }
    addChecks(location, plan)
    if let answer = server.answer ?? location.answer {
      setAnswer(answer, settings, &plan)
      if let pass = location.pass {
        let line = reporter.describe(answer.place, from: pass.place)
        let name = answer.directive
        warn(pass.place, "\(pass.directive) has no effect: \(name) at \(line) handles all requests")
      }
    }
    // What is wrong with them is reported wherever they apply.
    if given.grpc.isSaid, location.pass?.isGRPC != true { _ = requestFields(given.ofGRPC) }
    setFiles(settings, &plan)
    if plan.action == .none, location.rewrites.isEmpty, location.triedFiles == nil, !isBlock {
      warn(
        location.place, "the location has no proxy_pass, return or root: its requests get 404")
    }
    setResponseRules(settings.responseRules, location.pass, path: location.path, &plan)
    let namesClient = !location.settings.realIP.isEmpty
    setAdmission(
      settings.admission, except: location.except, client: namesClient ? settings.realIP : nil,
      &plan)
    setRedirection(settings, location.triedFiles, named: named, &plan)
    if server.answer != nil { answerAll(&plan) }
    return plan
  }

  /// Has a location answer as the server's own `return` says: in nginx that comes before its
  /// locations are searched, and so before all that they demand.
  private func answerAll(_ plan: inout LocationPlan) {
    plan.maximumContentBytes = 0
    plan.redirection.isInternal = false
    if plan.action == .precontent { plan.action = plan.content }
  }

  /// A named location has no path that something could stand in the place of.
  private func checkNamed(_ location: LocationDeclaration) {
    guard location.isNamed else { return }
    if let pass = location.pass, pass.path != nil {
      reporter.error(
        pass.place, "\"proxy_pass\" can't have a URI part in a named location",
        expected: "proxy_pass without a path")
    }
    if let root = location.settings.files.root, root.isAlias {
      reporter.error(root.place, "\"alias\" is not allowed in a named location", expected: "root")
    }
  }

  private func warnOfLoop(
    _ pass: PassDeclaration, _ plan: LocationPlan, _ server: ServerDeclaration
  ) {
    guard plan.action == .proxy, plan.upstream < upstreams.count else { return }
    guard isLoop(plan.upstream, server) else { return }
    warn(pass.place, "the server itself listens on this address: requests would loop")
  }

  /// True when some peer of the upstream is an address that the server listens on. Looked at once
  /// for each upstream of a server, from the shorter side.
  private func isLoop(_ upstream: Int, _ server: ServerDeclaration) -> Bool {
    if let known = loops[upstream] { return known }
    let peers = upstreams[upstream].peers
    let isLoop =
      peers.count < server.endpoints.count
      ? peers.indices.contains { server.endpoints.contains(endpoint(of: peers[$0])) }
      : server.endpoints.contains { peerEndpoints(of: upstream).contains($0) }
    loops[upstream] = isLoop
    return isLoop
  }

  private func peerEndpoints(of upstream: Int) -> Set<SocketEndpoint> {
    if let known = peerEndpoints[upstream] { return known }
    let peers = upstreams[upstream].peers
    let found = Set(peers.indices.map { endpoint(of: peers[$0]) })
    peerEndpoints[upstream] = found
    return found
  }

  private func endpoint(of peer: Peer) -> SocketEndpoint {
    let path = String(decoding: peer.unixPath.indices.map { peer.unixPath[$0] }, as: UTF8.self)
    return SocketEndpoint(address: peer.address, unixPath: path, inheritedName: "")
  }

  // MARK: Actions

  private func setAnswer(
    _ answer: AnswerDeclaration, _ settings: Settings, _ plan: inout LocationPlan
  ) {
    plan.action = answer.action
    plan.answerStatus = answer.status
    plan.answerText = answer.text
    plan.answerType = textType(settings)
    if answer.action == .answer { plan.answerTypes = mediaTypes(settings.mediaTypes) }
  }

  private func setPass(
    _ pass: PassDeclaration, _ location: LocationDeclaration, _ settings: Settings,
    _ plan: inout LocationPlan
  ) {
    guard let upstream = upstreamIndex(pass) else { return }
    if usesNginxDefaults { setNginxHost(pass, settings, &plan) }
    plan.filtersRequestFields = plan.dropsRequestFields || !plan.requestFields.isEmpty
    plan.rewritesRequestLine = pass.path != nil || !plan.requestMethod.isEmpty
    plan.action = .proxy
    plan.upstream = upstream
    plan.proxyHost = arena.freeze(proxyHost(pass))
    plan.proxyPort = arena.freeze(proxyPort(pass))
    if case .computed(let url) = pass.target {
      plan.passURL = url
      plan.rewritesRequestLine = true
      plan.resolver = resolverIndex(settings.names)
      plan.resolverTimeout = settings.names.timeout ?? plan.resolverTimeout
    }
    plan.matchedPrefixCount = location.path.utf8.count
    if let path = pass.path {
      guard location.expression == nil else {
        return reporter.error(
          pass.place,
          "proxy_pass has a URI part, but \"\(location.title)\" has no prefix to replace",
          expected: "a URL without a path")
      }
      plan.replacesPath = true
      plan.replacementPath = arena.freeze(path)
    }
  }

  /// `proxy_buffers` and its companions.
  private func setResponseBuffers(_ settings: ResponseBufferSettings, _ plan: inout LocationPlan) {
    plan.responseBufferBytes = settings.memoryBytes
    plan.responseFileBytes = settings.file?.value ?? Limits.responseFileBytes
    plan.responseFolder = arena.freeze(settings.folder ?? Limits.temporaryFolder)
    guard let problem = settings.problem, !checkedBuffers.contains(settings) else { return }
    // Levels that inherit them have the same.
    checkedBuffers.append(settings)
    reporter.error(problem.place, problem.message)
  }

  /// The type of texts that no entry in `types` applies to.
  private func textType(_ settings: Settings) -> FrozenBytes {
    arena.freeze(settings.client.defaultType ?? "text/plain")
  }

  /// What the location is apart from its action.
  private func commonPlan(_ settings: Settings) -> LocationPlan {
    let trust = settings.requestID.effectiveTrust.freeze(arena, &networks)
    // What `return` in an `if` answers has a type, too.
    var plan = LocationPlan(requestID: settings.requestID.freeze(arena, trust: trust))
    plan.requestFields = requestFields(settings)
    plan.responseFields = responseFields(settings)
    plan.answerType = textType(settings)
    plan.answerTypes = mediaTypes(settings.mediaTypes)
    plan.logsRewriting = settings.rewriting.logs ?? false
    plan.warnsOfUnset = settings.rewriting.warnsOfUnset ?? true
    plan.expiry = settings.files.expiry ?? ExpiryPlan()
    plan.hiddenFields = hiddenNames(settings)
    plan.withholdsFields =
      !plan.hiddenFields.isEmpty
      || plan.responseFields.indices.contains { plan.responseFields[$0].replacement != .none }
    plan.connectTimeout = settings.proxy.connectTimeout ?? plan.connectTimeout
    plan.readTimeout = settings.proxy.readTimeout ?? plan.readTimeout
    plan.sendTimeout = settings.proxy.sendTimeout ?? plan.sendTimeout
    plan.retry = settings.proxy.retry
    plan.responseHeadLimits = settings.proxy.responseHeadLimits
    plan.maximumInterimResponses =
      settings.proxy.interimResponses.map { Int($0) } ?? plan.maximumInterimResponses
    plan.ignoresClientAbort = settings.proxy.ignoresClientAbort ?? plan.ignoresClientAbort
    plan.dropsRequestFields = settings.proxy.passesFields == false
    plan.filtersRequestFields = plan.dropsRequestFields || !plan.requestFields.isEmpty
    plan.dropsRequestContent = settings.proxy.passesContent == false
    plan.requestMethod = settings.proxy.method ?? plan.requestMethod
    plan.buffersRequests = settings.proxy.buffersRequests ?? plan.buffersRequests
    // What is not passed on has to be read first.
    if plan.dropsRequestContent { plan.buffersRequests = true }
    plan.bodyBufferBytes = settings.client.bodyBufferBytes.map { Int($0) } ?? plan.bodyBufferBytes
    plan.bodyFolder = arena.freeze(settings.client.bodyFolder ?? Limits.temporaryFolder)
    let usualBytes: UInt64 = usesNginxDefaults ? 1024 * 1024 : 0
    plan.maximumContentBytes = settings.client.maximumContentBytes ?? usualBytes
    setRedirects(settings.redirects, &plan)
    plan.mirrors = arena.freeze((settings.redirection.mirrors ?? []).map { arena.freeze($0) })
    plan.mirrorsContent = settings.redirection.mirrorsContent ?? true
    plan.pace.rate = settings.client.rate ?? plan.pace.rate
    plan.pace.after = settings.client.unlimitedBytes ?? plan.pace.after
    plan.buffersResponses = settings.proxy.buffersResponses ?? true
    setResponseBuffers(settings.proxy.buffers, &plan)
    plan.bodyTimeout = settings.client.bodyTimeout ?? plan.bodyTimeout
    plan.clientSendTimeout = settings.client.sendTimeout ?? plan.clientSendTimeout
    plan.keepaliveTimeout = settings.client.keepaliveTimeout ?? plan.keepaliveTimeout
    plan.keepaliveRequests =
      settings.client.keepaliveRequests.map { UInt32($0) } ?? plan.keepaliveRequests
    plan.accessLogs = freezeAccessLogs(settings.logs)
    let usesLogs = !settings.logs.accessIsOff
    plan.writesAhead = usesLogs && settings.logs.access?.contains { $0.isAhead } ?? false
    plan.errorLogs = freezeErrorLogs(settings.logs)
    plan.logsSubrequests = settings.logs.logsSubrequests ?? false
    plan.history = freezeHistory(settings.logs)
    setContentStages(settings.contentStages, &plan)
    plan.tracing = settings.tracing.plan
    plan.sendsServerTiming = settings.requestID.sendsServerTiming ?? false
    return plan
  }

  /// nginx answers `/path` with a redirect to `/path/` when `location /path/` has `proxy_pass` and
  /// nothing else was made for `/path`.
  func appendSlashRedirects(
    _ level: LocationLevel
  ) -> [(isExact: Bool, path: String, location: Int)] {
    guard level.server.answer == nil else { return [] }
    var entries: [(isExact: Bool, path: String, location: Int)] = []
    for location in level.locations {
      guard location.expression == nil, !location.isNamed, location.pass != nil,
        location.path.utf8.count > 1, location.path.hasSuffix("/")
      else { continue }
      let path = String(location.path.dropLast())
      let isTaken = [true, false].contains {
        level.places[LocationKey(isExact: $0, path: path)] != nil
      }
      guard !isTaken else { continue }
      let merged = location.settings.inheriting(
        level.settings, replacesLists: usesNginxDefaults)
      guard let target = redirectTarget(location) else { continue }
      var plan = commonPlan(merged)
      setAnswer(
        AnswerDeclaration(place: location.place, status: 301, text: target), merged, &plan)
      entries.append((true, path, locations.count))
      append(plan, "redirect to location \(location.path)", location.place)
    }
    return entries
  }

  /// The location's path as it may stand in a URI, and the client's query. A `$` in a path is no
  /// variable.
  private func redirectTarget(_ location: LocationDeclaration) -> Template? {
    let place = location.place
    guard let query = builder.template("$is_args$args", place: { _, _ in place }) else {
      return nil
    }
    let path = arena.freeze(PathNormalization.encoded(location.path))
    let parts = query.parts.indices.map { query.parts[$0] }
    return Template(parts: arena.freeze([TemplatePart(.literal, text: path)] + parts))
  }

  func append(_ location: LocationPlan, _ title: String, _ place: Place) {
    locations.append(location)
    locationPlaces.append(BlockPlace(title: title, source: source(place)))
  }

  func source(_ place: Place) -> String {
    "\(reporter.sources[place.file].path):\(reporter.line(of: place))"
  }

  // MARK: Client addresses

  func realIPPlan(
    _ settings: RealIPSettings
  ) -> (header: RealIPHeader, field: FrozenBytes) {
    switch settings.header {
    case nil: (.field, arena.freeze("x-real-ip"))
    case .field(let name): (.field, arena.freeze(name))
    case .proxyProtocol: (.proxyProtocol, .empty)
    case .xForwardedFor:
      (
        settings.isRecursive == true ? .xForwardedForRecursive : .xForwardedFor,
        arena.freeze("x-forwarded-for")
      )
    }
  }

  func note(_ title: String, _ place: Place, _ settings: RequestIDSettings) {
    policies.append(
      EffectivePolicy(title: title, source: source(place), settings: settings))
  }
}
