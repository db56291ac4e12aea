import Basics
import HTTP
import Policy
import RegularExpressions
import Telemetry

/// Walks the directives of a conf file and its includes, checks each use against its catalogue
/// entry and lets the entry note what it says. What comes out is still what the file declares; the
/// `PlanAssembler` merges the levels and freezes them.
final class ConfigurationBuilder {
  let environment: ConfigurationEnvironment
  let reporter = DiagnosticReporter()
  let arena = Arena()
  var templates: TemplateCompiler
  /// True once a template asks for `$server_addr` or `$server_port`.
  var usesLocalAddress = false
  /// True once a template asks for `$ssl_client_cert` or another form of it.
  var usesClientCertificate = false

  // What has been declared.
  var process = ProcessSettings()
  var logFormats: [LogFormatDeclaration] = []
  /// Index in `logFormats` of each name.
  var logFormatIndices: [String: Int] = [:]
  var upstreams: [UpstreamDeclaration] = []
  /// Where each upstream was declared, by its name.
  var upstreamPlaces: [String: Place] = [:]
  var servers: [ServerDeclaration] = []
  /// The regular expressions compiled so far.
  var expressions: [ExpressionKey: RegularExpression] = [:]

  /// What each path is for that a log, a socket or the PID file has.
  var ownPaths: [String: (use: OwnPathUse, place: Place)] = [:]
  /// The names that `charset` has given.
  var charsets: [String] = []
  /// `limit_req_zone` and `limit_conn_zone` by name.
  var limitZones: [String: LimitZoneDeclaration] = [:]

  // The block being built.
  private(set) var context = DirectiveContexts.file
  /// The settings of the current level.
  var settings = Settings()
  /// The open `server`.
  var server: ServerDeclaration?
  /// The open `location`.
  var location: LocationDeclaration?
  /// The steps of rewriting of the open `server`, `location` or `if`.
  var rewrites: [RewriteDeclaration] = []
  /// The open `map`, `geo` or `split_clients`.
  var openMap: MapDeclaration?
  var openAddressMap: AddressMapDeclaration?
  var openDivision: DivisionDeclaration?
  /// The slots of variables that some `set` makes.
  var assignedSlots: Set<Int> = []
  /// Those that some `auth_request_set` makes.
  var authorizedSlots: Set<Int> = []
  /// The variables that were declared by a table.
  var maps: [MapDeclaration] = []
  var addressMaps: [AddressMapDeclaration] = []
  var divisions: [DivisionDeclaration] = []
  /// The open `types`.
  var openMediaTypes: MediaTypes?
  /// Every `match`.
  var matches: [MatchDeclaration] = []
  /// The open `upstream`.
  var upstream: UpstreamDeclaration?
  private var firstUses: [String: Place] = [:]
  /// How often each directive without effect is used.
  var needless: [String: Int] = [:]
  /// The variables that refused directives would make, in lowercase.
  var announcedVariables: Set<String> = []
  /// What is missing because the directive that declares it has an error.
  var failed = FailedDirectives()
  /// Uses of unknown variables: reported once all files are read.
  var unknownVariables: [UnknownVariable] = []
  /// The `http` block.
  var httpPlace: Place?
  /// The first directive of the `http` block's kind that stands outside of one.
  private(set) var firstBesideHTTP: (name: String, place: Place)?
  /// `nginx_defaults`
  var nginxDefaults: Bool?
  /// The names of all directives seen.
  private(set) var usedNames: Set<String> = []

  // The files being read.
  private(set) var openFiles: [String] = []
  private var resolved: [String: Result<[PeerAddress], ResolveProblem>] = [:]

  init(environment: ConfigurationEnvironment) {
    self.environment = environment
    templates = TemplateCompiler(
      arena: arena, hostname: environment.hostname, hasExpressions: true)
  }

  // MARK: Files

  /// Reads the main file and all that it includes.
  func build(mainFile path: String) {
    build(path: path, includedAt: nil)
    checkHTTPBlock()
    reportUnknownVariables()
  }

  /// What stands beside `http { }` would be lost on who reads the file as nginx does.
  private func checkHTTPBlock() {
    guard let httpPlace, let beside = firstBesideHTTP else { return }
    let line = reporter.describe(httpPlace, from: beside.place)
    reporter.error(
      beside.place, "\"\(beside.name)\" is outside the \"http\" block at \(line)",
      expected: "the directive inside the block")
  }

  /// Reads the file at `path` and builds its directives in the current context; false when it can't
  /// be read. `includedAt` is the word that named it, nil for the main file.
  func build(path: String, includedAt word: Word?) {
    switch environment.readFile(path) {
    case .failure(let problem):
      fileError(path, "\"\(path)\" can't be read: \(problem.reason)", includedAt: word)
    case .success(let bytes):
      guard bytes.count <= ConfigurationLimits.fileBytes else {
        let limit = ConfigurationLimits.fileBytes / 1024 / 1024
        return fileError(path, "\"\(path)\" is larger than \(limit) MB", includedAt: word)
      }
      let file = reporter.add(SourceFile(path: path, bytes: bytes))
      var reader = DirectiveTreeReader(file: file, reporter: reporter)
      openFiles.append(path)
      build(reader.read())
      openFiles.removeLast()
    }
  }

  private func fileError(_ path: String, _ message: String, includedAt word: Word?) {
    failed.hasUnreadFile = true
    if let word {
      reporter.error(word.place, message)
    } else {
      reporter.error(file: path, message)
    }
  }

  // MARK: Directives

  private func build(_ uses: [DirectiveUse]) {
    for use in uses { build(use) }
  }

  /// Builds a block's directives in a context of their own, and returns the settings that they
  /// made.
  func build(_ block: DirectiveBlock, in inner: DirectiveContexts) -> Settings {
    let outer = (context, settings, firstUses)
    defer { (context, settings, firstUses) = outer }
    (context, settings, firstUses) = (inner, Settings(), [:])
    build(block.directives)
    return settings
  }

  private func build(_ use: DirectiveUse) {
    if isTableLine(use) { return }
    let before = reporter.errorCount + unknownVariables.count
    buildDirective(use)
    guard reporter.errorCount + unknownVariables.count > before else { return }
    let isKnown = !DirectiveCatalog.directives(named: use.name.text).isEmpty
    failed.note(isKnown ? use.name.text : meant(use) ?? use.name.text, use.arguments)
  }

  private func buildDirective(_ use: DirectiveUse) {
    let candidates = DirectiveCatalog.directives(named: use.name.text)
    guard !candidates.isEmpty else { return unknown(use) }
    guard let directive = candidates.first(where: { !$0.contexts.isDisjoint(with: context) })
    else { return misplaced(use, candidates) }
    guard hasRightShape(use, directive), isFirst(use, directive) else { return }
    if context == .file, !directive.contexts.contains(.main), firstBesideHTTP == nil {
      firstBesideHTTP = (directive.name, use.name.place)
    }
    usedNames.insert(directive.name)
    directive.build(self, use)
  }

  /// True for a line of a block whose lines are no directives.
  private func isTableLine(_ use: DirectiveUse) -> Bool {
    guard use.name.text != "include" || use.arguments.count != 1 else { return false }
    switch context {
    case .types: mediaType(use)
    case .map: mapLine(use)
    case .geo: addressLine(use)
    case .division: divisionLine(use)
    default: return false
    }
    return true
  }

  private func hasRightShape(_ use: DirectiveUse, _ directive: Directive) -> Bool {
    if directive.opensBlock, use.block == nil {
      reporter.error(
        use.name.place, "\"\(directive.name)\" needs a block", expected: directive.syntax)
      return false
    }
    if !directive.opensBlock, use.block != nil {
      reporter.error(
        use.name.place, "\"\(directive.name)\" does not take a block", expected: directive.syntax)
      return false
    }
    guard directive.argumentCounts.contains(use.arguments.count) else {
      arityError(use, directive)
      return false
    }
    return true
  }

  private func arityError(_ use: DirectiveUse, _ directive: Directive) {
    let counts = directive.argumentCounts
    let wanted =
      counts.upperBound == 0
      ? "no arguments"
      : counts.lowerBound == counts.upperBound
        ? "\(counts.lowerBound) argument\(counts.lowerBound == 1 ? "" : "s")"
        : counts.upperBound == .max
          ? "\(counts.lowerBound) or more arguments"
          : "\(counts.lowerBound) to \(counts.upperBound) arguments"
    let extra = use.arguments.count > counts.upperBound ? use.arguments[counts.upperBound] : nil
    reporter.error(
      (extra ?? use.name).place,
      "\"\(directive.name)\" takes \(wanted), not \(use.arguments.count)",
      expected: directive.syntax)
  }

  private func isFirst(_ use: DirectiveUse, _ directive: Directive) -> Bool {
    guard !directive.isRepeatable else { return true }
    if let first = firstUses[directive.name] {
      let line = reporter.describe(first, from: use.name.place)
      reporter.error(use.name.place, "\"\(directive.name)\" is already set at \(line)")
      return false
    }
    firstUses[directive.name] = use.name.place
    return true
  }

  private func unknown(_ use: DirectiveUse) {
    let name = use.name.text
    reporter.error(use.name.place, "unknown directive \"\(name)\"", suggestion: meant(use))
  }

  /// The directive that an unknown one probably is.
  private func meant(_ use: DirectiveUse) -> String? {
    let name = use.name.text
    let everywhere = DirectiveContexts.everyLevel.union(.upstream)
    return Suggestion.nearest(to: name, among: DirectiveCatalog.names(in: context))
      ?? Suggestion.nearest(to: name, among: DirectiveCatalog.names(in: everywhere))
  }

  private func misplaced(_ use: DirectiveUse, _ candidates: [Directive]) {
    let allowed = candidates.reduce(into: DirectiveContexts()) { $0.formUnion($1.contexts) }
    let here =
      context == .file
      ? "at top level" : "in \"\(context == .top ? "http" : context.names[0])\""
    reporter.error(
      use.name.place, "\"\(use.name.text)\" is not allowed \(here)",
      expected: "the directive in \(allowed.names.joined(separator: ", "))")
  }

  // MARK: Names

  /// The addresses of a host name, asked for once; nil when it has none, which is reported at
  /// `place`.
  func resolve(_ host: String, at place: Place, suggestion: () -> String?) -> [PeerAddress]? {
    let answer = resolved[host] ?? environment.resolve(host)
    resolved[host] = answer
    switch answer {
    case .success(let addresses) where !addresses.isEmpty: return addresses
    case .success:
      reporter.error(place, "host \"\(host)\" has no address", suggestion: suggestion())
    case .failure(let problem):
      reporter.error(
        place, "host \"\(host)\" can't be resolved: \(problem.reason)", suggestion: suggestion())
    }
    return nil
  }
}
