import Basics
import HTTP
import Plan
import Policy
import RegularExpressions
import Telemetry

/// The blocks of a conf file as they were declared, before they are merged and frozen.

/// What concerns the process as a whole.
struct ProcessSettings {
  var workerThreads: Int?
  var workerConnections: UInt64?
  var shutdownTimeout: Interval?
  var workerShutdownTimeout: Interval?
  var shutdownDelay: Interval?
  var logQueueBytes: Int?
  var logValueBytes: Int?
  var temporaryBytes: UInt64?
  var contentFolders: [ContentFolderPlan] = []
  var pidPath: String?
  var user: String?
  var group: String?
  var control: ControlPlan?
}

/// An address and the name by which logs call it.
struct Endpoint {
  var address: PeerAddress
  /// The path of a unix socket; empty for TCP.
  var unixPath: String
  /// `address:port`, `unix:path` or `systemd:name`.
  var name: String
  /// The name of a socket that the service manager opens; empty for all others.
  var inheritedName = ""

  /// What no two sockets share.
  var socket: SocketEndpoint {
    SocketEndpoint(address: address, unixPath: unixPath, inheritedName: inheritedName)
  }
}

/// A socket's address, whatever it is called.
struct SocketEndpoint: Hashable {
  var address: PeerAddress
  var unixPath: String
  var inheritedName: String
}

/// One address of a `listen`.
struct ListenDeclaration {
  var place: Place
  var endpoint: Endpoint
  var isDefaultServer = false
  var acceptsProxyProtocol = false
  var isSecure = false
  var speaksHTTP2 = false
  /// `ipv6only=off`: IPv4 is accepted, too.
  var isDualStack = false
  /// Where `ipv6only=` stands.
  var dualStackPlace: Place?
  var backlog: (value: Int32, place: Place)?
}

/// A `server`.
struct ServerDeclaration {
  var place: Place
  var listens: [ListenDeclaration] = []
  /// The addresses of `listens`.
  var endpoints: Set<SocketEndpoint> = []
  /// The first `listen` that was left out because it is for HTTP/3.
  var firstDatagramListen: Place?
  var names: [Word] = []
  /// Those of them that begin with `~`, compiled.
  var nameExpressions: [String: RegularExpression] = [:]
  var settings = Settings()
  var locations: [LocationDeclaration] = []
  /// Where each location was declared, by its modifier and path.
  var locationPlaces: [LocationKey: Place] = [:]
  var answer: AnswerDeclaration?
  /// `rewrite`, `return`, `set`, `break`, `if`, unless all of it is one `return`.
  var rewrites: [RewriteDeclaration] = []
  /// `try_files`
  var triedFiles: TryFilesDeclaration?
}

/// What no two locations of a server may share.
struct LocationKey: Hashable {
  var isExact: Bool
  var path: String
}

/// A `location`.
struct LocationDeclaration {
  var place: Place
  var isExact: Bool
  /// The path, or the regular expression as it is written; of a named one its name, `@` included.
  var path: String
  /// `~` and `~*`
  var expression: RegularExpression?
  /// What stands before the path.
  var modifier = ""
  /// It matches no path: only internal redirects lead to it.
  var isNamed: Bool { expression == nil && path.hasPrefix("@") }
  /// It is found by the begin of a path, or by all of it.
  var isFoundByPath: Bool { expression == nil && !isNamed }
  /// `internal`
  /// `try_files`
  var triedFiles: TryFilesDeclaration?
  /// `limit_except`
  var except: LimitExceptDeclaration?
  var settings = Settings()
  /// The locations inside of it.
  var locations: [LocationDeclaration] = []
  /// See `ServerDeclaration.locationPlaces`.
  var locationPlaces: [LocationKey: Place] = [:]
  var answer: AnswerDeclaration?
  /// `rewrite`, `return`, `set`, `break`, `if`, unless all of it is one `return`.
  var rewrites: [RewriteDeclaration] = []
  var pass: PassDeclaration?
  /// `health_check`
  var checks: [CheckDeclaration] = []

  /// How messages call it.
  var title: String { "location " + (modifier.isEmpty ? path : "\(modifier) \(path)") }
}

/// A `return`, or what stands in its place.
struct AnswerDeclaration {
  var place: Place
  var status: UInt16
  var text: Template
  /// What it does.
  var action = LocationAction.answer

  /// The directive that it comes from.
  var directive: String {
    switch action {
    case .health: "health"
    case .metrics: "metrics"
    case .status: "status"
    case .stubStatus: "stub_status"
    case .none, .proxy, .answer, .files, .precontent, .rewriting, .traced: "return"
    }
  }
}

/// A `proxy_pass`.
struct PassDeclaration {
  /// What a request is passed to.
  enum Target {
    /// An upstream's name, or a host without a port.
    case name(String)
    /// A host with a port.
    case host(String, port: UInt16)
    /// A unix socket.
    case unix(String)
    /// What the variables of a URL come to.
    case computed(Template)
  }

  /// The whole argument.
  var place: Place
  /// Its authority.
  var authorityPlace: Place
  var authority: String
  var target: Target
  /// The URI part.
  var path: String?
  /// `https:`, `grpcs:`
  var isSecure = false
  /// `grpc_pass`
  var isGRPC = false

  /// The directive.
  var directive: String { isGRPC ? "grpc_pass" : "proxy_pass" }
}

/// An `upstream`.
struct UpstreamDeclaration {
  var name: Word
  private(set) var peers: [PeerDeclaration] = []
  /// Index in `peers` of each address.
  private var peerIndices: [SocketEndpoint: Int] = [:]
  var method = BalancingMethod.roundRobin
  var methodPlace: Place?
  /// The servers with `resolve`.
  var resolved: [ResolvedServerDeclaration] = []
  var names = NameSettings()
  var hashKey = Template(parts: .empty)
  var idleConnections: UInt64?
  var idleTimeout: Interval?
  var keepaliveRequests: UInt64?
  var failsOpen = true
  var checks: [CheckDeclaration] = []

  init(name: Word, peers: [PeerDeclaration] = []) {
    self.name = name
    for peer in peers { add(peer) }
  }

  /// Appends a peer of one address. One that is listed already gets both shares: nginx counts the
  /// two apart, which comes to the same as long as they answer.
  mutating func add(_ peer: PeerDeclaration) {
    guard let twin = peerIndices[peer.endpoints[0].socket] else {
      peerIndices[peer.endpoints[0].socket] = peers.count
      peers.append(peer)
      return
    }
    let other = peers[twin]
    if other.isDown || other.backupPlace != nil && peer.backupPlace == nil && !peer.isDown {
      peers[twin] = peer
    } else if !peer.isDown, (other.backupPlace == nil) == (peer.backupPlace == nil) {
      peers[twin].weight = min(other.weight + peer.weight, UInt64(Int32.max))
    }
  }
}

/// A `server` of an `upstream`; one name may have several addresses.
struct PeerDeclaration {
  var place: Place
  var endpoints: [Endpoint]
  var weight: UInt64 = 1
  var maximumFailures: UInt64 = 1
  var failTimeout = Interval.seconds(10)
  var maximumConnections: UInt64 = 0
  var slowStart = Interval(nanoseconds: 0)
  var slowStartPlace: Place?
  var backupPlace: Place?
  var isDown = false
}

/// A `server` with `resolve`: it has no address before its name has been looked up.
struct ResolvedServerDeclaration {
  /// In lowercase; with `service=`, the name of the SRV records.
  var name: String
  var isService: Bool
  /// 0 with `service=`.
  var port: UInt16
  /// Without addresses.
  var peer: PeerDeclaration
}

/// A `log_format`.
struct LogFormatDeclaration {
  var name: Word
  var format: LogFormat
}
