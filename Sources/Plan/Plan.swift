import Basics
import HTTP
import Policy
import Telemetry

/// A conf file, compiled: immutable, shared by all workers, replaced as a whole.
///
/// `tables` holds plain values and pointers into the plan's arena; a worker copies `tables` and
/// keeps the plan alive beside it.
public final class Plan: Sendable {
  /// What the workers read.
  public let tables: PlanTables
  /// What the process needs before workers start.
  public let process: ProcessPlan
  // Never touched after init; the tables point into it.
  private nonisolated(unsafe) let arena: Arena

  /// A plan of tables that lie in `arena`.
  public init(tables: PlanTables, process: ProcessPlan, arena: Arena) {
    self.tables = tables
    self.process = process
    unsafe self.arena = arena
  }
}

/// What concerns the process as a whole.
public struct ProcessPlan: Sendable {
  /// `worker_threads`; nil for `auto`.
  public var workerThreads: Int?
  /// `pid`; nil when no file is written.
  public var pidPath: String?
  /// `user`: name and optional group.
  public var user: String?
  /// See `user`.
  public var group: String?
  /// `control`; nil when it is off.
  public var control: ControlPlan?
  /// The folders for temporary files, once each.
  public var contentFolders: [ContentFolderPlan] = []

  /// The values given.
  public init(workerThreads: Int?, pidPath: String?, user: String?, group: String?) {
    self.workerThreads = workerThreads
    self.pidPath = pidPath
    self.user = user
    self.group = group
  }
}

/// `control`: the socket that questions about running requests come by.
public struct ControlPlan: Equatable, Sendable {
  /// The socket's path.
  public var path: String
  /// The rights of its file, as in chmod.
  public var mode: UInt32

  /// The socket given.
  public init(path: String, mode: UInt32) {
    self.path = path
    self.mode = mode
  }
}

/// The tables that a worker reads; indices in one table point into another.
public struct PlanTables: Sendable, BitwiseCopyable {
  /// Every address listened on, once.
  public var listeners: FrozenArray<ListenerPlan>
  /// Every `server`.
  public var servers: FrozenArray<ServerPlan>
  /// Every `location`, and for each server one more for what no location matches.
  public var locations: FrozenArray<LocationPlan>
  /// Every `upstream`, and one for each `proxy_pass` that names an address.
  public var upstreams: FrozenArray<UpstreamPlan>
  /// Every log file, once, access and error logs alike.
  public var sinks: FrozenArray<LogSinkPlan>
  /// Lowercase names of the response fields kept for log lines; the slot is the index.
  public var capturedFields: FrozenArray<CapturedField>
  /// `worker_connections`: sockets of one worker, clients' and backends' together.
  public var workerConnections: Int
  /// `shutdown_timeout`
  public var shutdownTimeout: Interval
  /// `worker_shutdown_timeout`; nil when a replaced worker may take as long as it likes.
  public var workerShutdownTimeout: Interval?
  /// `shutdown_delay`
  public var shutdownDelay = Interval(nanoseconds: 0)
  /// True when some template asks for `$server_addr` or `$server_port`, which costs a system call.
  public var usesLocalAddress: Bool
  /// True when some template asks for the client's certificate.
  public var usesClientCertificate = false
  /// `$host`, for redirects that become absolute.
  public var hostTemplate = Template(parts: .empty)
  /// `log_queue`: bytes of lines that wait in one worker for one log at most.
  public var logQueueBytes = Limits.logQueueBytes
  /// `log_value_length`: bytes of a value in a log line at most.
  public var logValueBytes = Limits.logValueBytes
  /// `temp_space`: bytes of all temporary files of the process together.
  public var temporaryBytes = Limits.temporaryBytes
  /// What requests are counted under: each server with each upstream that it passes requests to,
  /// and with none.
  public var requestMetrics: FrozenArray<RequestMetricsPlan> = .empty
  /// The names that upstreams are counted under.
  public var upstreamMetrics: FrozenArray<FrozenBytes> = .empty
  /// The top level's `error_log`: for what concerns no request (start, reload, accepting).
  public var errorLogs: FrozenArray<ErrorLogPlan> = .empty

  /// All regular expressions.
  public var expressions: FrozenArray<ExpressionPlan> = .empty
  /// True when the system forbids the machine code that they would be compiled to.
  public var interpretsExpressions = false
  /// Locations with regular expressions, level by level.
  public var expressionLists: FrozenArray<ExpressionList> = .empty
  /// The locations inside of those with regular expressions; what the tables hold is what those of
  /// servers hold.
  public var nestedLocations: FrozenArray<LocationTable> = .empty
  /// True when some template asks for what groups have matched.
  public var keepsGroups = false
  /// Every `limit_req_zone` and `limit_conn_zone` that some location uses.
  public var limitZones: FrozenArray<LimitZonePlan> = .empty

  /// The variables that the conf file makes, by slot.
  public var variables: FrozenArray<VariablePlan> = .empty
  /// Every `map`.
  public var maps: FrozenArray<MapPlan> = .empty
  /// Every `geo`.
  public var addressMaps: FrozenArray<AddressMapPlan> = .empty
  /// Every `split_clients`.
  public var divisions: FrozenArray<DivisionPlan> = .empty
  /// What is said of each step of rewriting in histories: the directive and where it stands.
  public var rewriteTitles: FrozenArray<FrozenBytes> = .empty
  /// Slot of `$limit_rate` where some `set` changes it; -1 where none does.
  public var rateSlot = -1
  /// Subrequests that a request may have at once: `auth_request`, `mirror`.
  public var subrequestsPerRequest = 0
  /// True when some `proxy_pass` has variables.
  public var computesUpstreams = false
  /// Every `health_check`.
  public var checks: FrozenArray<CheckPlan> = .empty
  /// Every `resolver`; the first one is the system's configuration.
  public var resolvers: FrozenArray<ResolverPlan> = .empty
  /// True when names may have to be looked up at run time.
  public var usesNames = false
  /// The declared upstreams by name in lowercase, for `proxy_pass` with variables.
  public var upstreamNames = StringTable.empty

  /// The tables given.
  public init(
    listeners: FrozenArray<ListenerPlan>, servers: FrozenArray<ServerPlan>,
    locations: FrozenArray<LocationPlan>, upstreams: FrozenArray<UpstreamPlan>,
    sinks: FrozenArray<LogSinkPlan>, capturedFields: FrozenArray<CapturedField>,
    workerConnections: Int, shutdownTimeout: Interval, usesLocalAddress: Bool
  ) {
    self.listeners = listeners
    self.servers = servers
    self.locations = locations
    self.upstreams = upstreams
    self.sinks = sinks
    self.capturedFields = capturedFields
    self.workerConnections = workerConnections
    self.shutdownTimeout = shutdownTimeout
    self.usesLocalAddress = usesLocalAddress
  }
}

/// A `listen` address.
public struct ListenerPlan: Sendable, BitwiseCopyable {
  /// The address to bind; `.unix` for a unix socket.
  public var address: PeerAddress
  /// The unix socket's path; empty for TCP.
  public var unixPath: FrozenBytes
  /// The name of a socket that the service manager has opened; empty for one of ours.
  public var inheritedName = FrozenBytes.empty
  /// `proxy_protocol`
  public var acceptsProxyProtocol: Bool
  /// `ssl`
  public var isSecure = false
  /// Clients may speak HTTP/2 without TLS; with TLS the server's context offers it.
  public var speaksHTTP2 = false
  /// `listen … http2`: with TLS it is offered whatever the server says.
  public var offersHTTP2 = false
  /// `ipv6only=off`: an IPv6 address takes connections over IPv4, too.
  public var isDualStack = false
  /// `backlog=`; 511 by default.
  public var backlog: Int32
  /// The servers of this address by name.
  public var serverNames: ServerNameTable
  /// Those by regular expressions, in the order of the conf file: an index into `expressions` and
  /// one into `servers`.
  public var nameExpressions: FrozenArray<NameExpression> = .empty
  /// `merge_slashes` of the default server: slashes that follow each other count as one.
  public var mergesSlashes = true
  /// The server for all other names: an index into `servers`.
  public var defaultServer: Int

  /// The listener given.
  public init(
    address: PeerAddress, unixPath: FrozenBytes, acceptsProxyProtocol: Bool, backlog: Int32,
    serverNames: ServerNameTable, defaultServer: Int
  ) {
    self.address = address
    self.unixPath = unixPath
    self.acceptsProxyProtocol = acceptsProxyProtocol
    self.backlog = backlog
    self.serverNames = serverNames
    self.defaultServer = defaultServer
  }
}

/// A `server`.
public struct ServerPlan: Sendable, BitwiseCopyable {
  /// The first `server_name`; empty when there is none.
  public var name: FrozenBytes
  /// `client_header_timeout`
  public var headerTimeout: Interval
  /// Bounds on request heads (`large_client_header_buffers`, `max_headers`).
  public var headLimits: HeadLimits
  /// The locations by path: indices into `locations`, inverted (`~`) where regular expressions may
  /// lead elsewhere.
  public var locationTable: LocationTable
  /// What serves a path that no location matches, and a request that has no path: an index into
  /// `locations`.
  public var fallbackLocation: Int
  /// What `rewrite`, `return`, `set`, `break` and `if` of the server come to.
  public var rewriting: FrozenArray<RewriteStep> = .empty
  /// `location @NAME`
  public var namedLocations: FrozenArray<NamedLocation> = .empty
  /// `set_real_ip_from`
  public var realIPTrust: PeerTrust
  /// `real_ip_header`
  public var realIPHeader: RealIPHeader
  /// The field's name in lowercase; empty for `.proxyProtocol`.
  public var realIPField: FrozenBytes
  /// `ignore_invalid_headers`, `underscores_in_headers`
  public var fieldNames = FieldNameRule.plain
  /// `ssl_verify_client`
  public var clientCertificates = ClientCertificateRule.off

  /// The server given.
  public init(
    name: FrozenBytes, headerTimeout: Interval, headLimits: HeadLimits,
    locationTable: LocationTable, fallbackLocation: Int, realIPTrust: PeerTrust,
    realIPHeader: RealIPHeader, realIPField: FrozenBytes
  ) {
    self.name = name
    self.headerTimeout = headerTimeout
    self.headLimits = headLimits
    self.locationTable = locationTable
    self.fallbackLocation = fallbackLocation
    self.realIPTrust = realIPTrust
    self.realIPHeader = realIPHeader
    self.realIPField = realIPField
  }
}

/// A `location` with everything that it inherits merged in.
public struct LocationPlan: Sendable, BitwiseCopyable {
  /// What it does first.
  public var action: LocationAction = .none
  /// What it does behind `.precontent`.
  public var content: LocationAction = .none
  /// What it does behind `.rewriting`.
  public var rewritten: LocationAction = .none
  /// What it does behind `.traced`.
  public var traced: LocationAction = .none
  /// `otel_trace`, `otel_trace_context`
  public var tracing = TracingPlan()
  /// `request_id_server_timing`
  public var sendsServerTiming = false
  /// What `rewrite`, `return`, `set`, `break` and `if` of the location come to.
  public var rewriting: FrozenArray<RewriteStep> = .empty
  /// `rewrite_log`
  public var logsRewriting = false
  /// `uninitialized_variable_warn`
  public var warnsOfUnset = true
  /// `internal`, `try_files`, `error_page`
  public var redirection = RedirectionPlan()
  /// `allow`, `deny`, `auth_basic`, `auth_request`, `limit_req`, `limit_conn`
  public var admission = AdmissionPlan()
  /// `log_subrequest`
  public var logsSubrequests = false
  /// What its requests are counted under: an index into `requestMetrics`.
  public var requestMetrics = 0

  /// The regular expressions that are tried before it stands, where the table says so: an index
  /// into `expressionLists`; -1 for none.
  public var expressionList = -1

  // return

  /// `return CODE`: 0 to 999; 444 closes without an answer, as in nginx.
  public var answerStatus: UInt16 = 0
  /// The text, or for 301, 302, 303, 307 and 308 the URL.
  public var answerText = Template(parts: .empty)
  /// `default_type` of the text.
  public var answerType: FrozenBytes = .empty
  /// `types` of the text, which come before `default_type`.
  public var answerTypes: FrozenArray<MediaTypeEntry> = .empty
  /// What becomes of a redirect's URL that begins with `/`.
  public var redirect = RedirectForm()

  /// What serves files, and where they lie.
  public var files = FilePlan()

  /// What becomes of the content of responses.
  public var stages = ContentStagePlan()

  // proxy_pass

  /// Index into `upstreams`.
  public var upstream = 0
  /// `grpc_pass`, `proxy_http_version 2`: the upstream is spoken to in HTTP/2.
  public var speaksHTTP2 = false
  /// `grpc_pass`: errors are told as gRPC tells them.
  public var speaksGRPC = false
  /// The TLS that the upstream is spoken to with: its number among the contexts; -1 for none.
  public var backendTLS = -1
  /// `proxy_ssl_name`
  public var backendName = Template(parts: .empty)
  /// `proxy_ssl_server_name`
  public var sendsBackendName = true
  /// `proxy_pass` with variables: the URL, and `upstream` is one without peers that names it.
  public var passURL = Template(parts: .empty)
  /// `$proxy_port`
  public var proxyPort: FrozenBytes = .empty
  /// What `$proxy_host` is, and Host when `proxy_set_header Host $proxy_host` says so.
  public var proxyHost: FrozenBytes = .empty
  /// True when `proxy_pass` has a URI part, which then replaces `matchedPrefix` of the path.
  public var replacesPath = false
  /// The URI part.
  public var replacementPath: FrozenBytes = .empty
  /// Bytes of the location's own prefix.
  public var matchedPrefixCount = 0
  /// `proxy_set_header`; an empty value removes the field.
  public var requestFields: FrozenArray<FieldAssignment> = .empty
  /// `proxy_hide_header`, lowercase.
  public var hiddenFields: FrozenArray<FrozenBytes> = .empty
  /// True when `proxy_hide_header` or `add_header` keeps some field of a response from the client.
  public var withholdsFields = false
  /// True when stages may change the content of responses.
  public var changesContent = false
  /// `proxy_redirect`, `proxy_cookie_*`, `charset`, `proxy_ignore_headers`, `proxy_pass_header`
  public var responseRules = ResponseRulePlan()
  /// `proxy_pass_request_headers off`: no field of the client's is passed on.
  public var dropsRequestFields = false
  /// True when some field of a client's may not pass: `proxy_set_header`,
  /// `proxy_pass_request_headers`.
  public var filtersRequestFields = false
  /// True when the request line does not pass as it is: a URI part, `proxy_method`.
  public var rewritesRequestLine = false
  /// `proxy_pass_request_body off`: no content of the client's is passed on.
  public var dropsRequestContent = false
  /// `proxy_method`; empty for the client's.
  public var requestMethod = Template(parts: .empty)
  /// `proxy_connect_timeout`
  public var connectTimeout = Interval.seconds(60)
  /// `proxy_read_timeout`
  public var readTimeout = Interval.seconds(60)
  /// `proxy_send_timeout`
  public var sendTimeout = Interval.seconds(60)
  /// `proxy_response_head_size`, `proxy_response_max_headers`
  public var responseHeadLimits = HeadLimits(
    maximumLineBytes: Limits.responseHeadBytes, maximumHeadBytes: Limits.responseHeadBytes,
    maximumFieldCount: Limits.responseFieldCount)
  /// `proxy_max_interim_responses`
  public var maximumInterimResponses = Limits.interimResponses
  /// `proxy_next_upstream*`
  public var retry = RetryPolicy(
    conditions: [.error, .timeout], maximumTries: 0, timeout: .endless)
  /// `proxy_request_buffering`: the content is read whole before a backend is asked.
  public var buffersRequests = true
  /// `client_body_buffer_size`: bytes of content that are kept in memory; more goes to a file.
  public var bodyBufferBytes = Limits.bodyBufferBytes
  /// `client_body_temp_path`: the folder for such files.
  public var bodyFolder: FrozenBytes = .empty
  /// `proxy_ignore_client_abort`: `on` serves a client that closed its sending side (the default
  /// here).
  public var ignoresClientAbort = true

  // towards the client

  /// `add_header`, and before them what `expires` says.
  public var responseFields: FrozenArray<FieldAssignment> = .empty
  /// `expires`
  public var expiry = ExpiryPlan()
  /// `mirror`: the paths of the locations that get copies of requests.
  public var mirrors: FrozenArray<FrozenBytes> = .empty
  /// `mirror_request_body`
  public var mirrorsContent = true
  /// `limit_rate`, `limit_rate_after`
  public var pace = PacePlan()
  /// `proxy_buffering`: what a slow client does not take is kept; nginx slows down only what it
  /// buffers.
  public var buffersResponses = true
  /// `proxy_buffer_size`, `proxy_buffers`: bytes that are kept in memory; more goes to a file.
  public var responseBufferBytes = 0
  /// `proxy_max_temp_file_size`: bytes of that file; 0 for none.
  public var responseFileBytes = Limits.responseFileBytes
  /// `proxy_temp_path`: the folder for such files.
  public var responseFolder: FrozenBytes = .empty
  /// `client_max_body_size`; 0 is unlimited.
  public var maximumContentBytes: UInt64 = 0
  /// `client_body_timeout`
  public var bodyTimeout = Interval.seconds(60)
  /// `send_timeout`
  public var clientSendTimeout = Interval.seconds(60)
  /// `keepalive_timeout`; zero closes after each response.
  public var keepaliveTimeout = Interval.seconds(75)
  /// `keepalive_requests`
  public var keepaliveRequests: UInt32 = 1000

  /// Who is asked for names that variables of `proxy_pass` come to: an index into `resolvers`.
  public var resolver = 0
  /// `resolver_timeout`
  public var resolverTimeout = Limits.resolverTimeout

  /// `request_id*`
  public var requestID: RequestIDPolicy
  /// `access_log`
  public var accessLogs: FrozenArray<AccessLogPlan> = .empty
  /// True when one of them has `sync=response`.
  public var writesAhead = false
  /// `error_log`
  public var errorLogs: FrozenArray<ErrorLogPlan> = .empty
  /// `slow_log`, `debug_request`
  public var history = HistoryPlan()

  /// A location that does nothing yet.
  public init(requestID: RequestIDPolicy) { self.requestID = requestID }

  /// What it does in the end.
  @inlinable public var contentAction: LocationAction {
    let action = untraced == .rewriting ? rewritten : untraced
    return action == .precontent ? content : action
  }

  /// True when it can do with a path that has no slash before it: only backends need one.
  @inlinable public var mayServeRelative: Bool {
    contentAction != .proxy || redirection.triesFiles
  }

  /// What it does once the trace is known.
  @inlinable public var untraced: LocationAction { action == .traced ? traced : action }
}

/// A field that `proxy_set_header` or `add_header` sets.
public struct FieldAssignment: Sendable, BitwiseCopyable {
  /// The name as written.
  public var name: FrozenBytes
  /// The name, when Waybill knows it.
  public var known: FieldName
  /// The value.
  public var value: Template
  /// `add_header ... always`
  public var isAlways: Bool
  /// Whether `add_header` puts it in the place of the backend's.
  public var replacement = FieldReplacement.none
  /// Where its value comes from.
  public var source = FieldSource.template

  /// The assignment given.
  public init(name: FrozenBytes, known: FieldName, value: Template, isAlways: Bool) {
    self.name = name
    self.known = known
    self.value = value
    self.isAlways = isAlways
  }
}

/// Where the value of a field that is set comes from.
public enum FieldSource: UInt8, Sendable, BitwiseCopyable {
  /// Its template.
  case template
  /// `expires`: the field Expires.
  case expiryDate
  /// `expires`: the field Cache-Control.
  case maximumAge
  /// The context that the backend of a try gets: `traceparent`.
  case traceContext
  /// The client's `tracestate`, if its trace is continued.
  case traceState
  /// The client's `baggage`, if it is trusted.
  case baggage
  /// Nothing: the client's field does not pass.
  case withheld
}

/// An `upstream`.
public struct UpstreamPlan: Sendable, BitwiseCopyable {
  /// Its name, or the address in `proxy_pass`.
  public var name: FrozenBytes
  /// The peers, each address once.
  public var peers: FrozenArray<Peer>
  /// How a peer is chosen.
  public var method: BalancingMethod
  /// For the hash methods: the key.
  public var hashKey: Template
  /// `keepalive`: idle connections kept by each worker; 0 keeps none.
  public var idleConnections: Int
  /// `keepalive_timeout` in `upstream`
  public var idleTimeout: Interval
  /// `keepalive_requests` in `upstream`
  public var keepaliveRequests: UInt32
  /// What it is counted under: an index into `upstreamMetrics`.
  public var metrics = 0
  /// `fail_open`: when all peers have failed, one of them is tried nevertheless.
  public var failsOpen = true
  /// The servers whose names are looked up at run time (`resolve`): their peers come besides.
  public var resolved: FrozenArray<ResolvedServerPlan> = .empty

  /// The upstream given.
  public init(
    name: FrozenBytes, peers: FrozenArray<Peer>, method: BalancingMethod, hashKey: Template,
    idleConnections: Int, idleTimeout: Interval, keepaliveRequests: UInt32
  ) {
    self.name = name
    self.peers = peers
    self.method = method
    self.hashKey = hashKey
    self.idleConnections = idleConnections
    self.idleTimeout = idleTimeout
    self.keepaliveRequests = keepaliveRequests
  }
}
