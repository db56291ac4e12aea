import Simulation

/// A conf file and what it promises, in words that oracles can compare with what happened.
struct ConfPlan {
  /// The text, as an administrator would write it.
  var text = ""
  /// The name of the field that carries the ID, in lower case.
  var idField = "x-request-id"
  /// Where TLS is spoken.
  var security = SecurityPlan.none
  /// What locations do besides passing requests on.
  var detours = Detours.none
  /// What clients speak besides HTTP/1.
  var multiplexing = Multiplexing.none
  /// Which traces its requests belong to.
  var traces = Traces.none
  /// The servers, the default one first.
  var servers: [ServerFacts] = []
  /// Where clients come in.
  var entrances = [Entrance.plain]
  /// Who is believed about a client's address.
  var believed = Believed.nobody
  /// Where the backends listen.
  var backends: [Location] = []
  /// How many workers the one under test thinks that there are.
  var workerCount = 1
  /// How the process is run.
  var operation = Operation.plain
  /// A second log, of lines that need not be JSON; nil when there is none.
  var secondLog: String?
  /// A line of the second log shows what event it is of, so that it also gets those of tunnels that
  /// open.
  var secondLogTellsEvents = false
  /// Content is large here; else it is small, and may come byte by byte.
  var isBulky = false
  /// Some limit (of connections) may refuse a request that nothing is wrong with.
  var hasTightLimits = false
  /// A try that failed may be repeated although the method is not idempotent.
  var repeatsAnyMethod = false
  /// A response of this status may be dropped in favour of another backend's.
  var retriedStatuses: Set<Int> = []

  /// All locations of all servers.
  var locations: [LocationFacts] { servers.flatMap(\.locations) }
}

/// A server and its locations.
struct ServerFacts {
  var name: String
  var locations: [LocationFacts]
}

/// What is promised about the requests of a location.
struct LocationFacts {
  /// What is done with a request.
  enum Action: Equatable {
    case proxy
    /// `return` with this status and text.
    case answer(Int, String)
  }

  /// `request_id_trust`: whose IDs are kept.
  enum Trust: CaseIterable {
    /// Nobody's; those of whoever holds the socket; of whom a balancer has named; of both.
    case none, sockets, named, all

    /// The arguments that say so.
    var words: String {
      let (sockets, named) = ("192.0.2.0/24 unix:", "198.51.100.0/24 2001:db8::/32")
      switch self {
      case .none: return "none"
      case .sockets: return sockets
      case .named: return named
      case .all: return sockets + " " + named
      }
    }
  }

  /// `request_id`.
  enum IdentityMode: String, CaseIterable { case on, generate, pass, off }

  /// `otel_trace_context`.
  enum TraceContext: String, CaseIterable { case ignore, extract, inject, propagate }

  var host: String
  var path: String
  var action = Action.proxy
  var mode = IdentityMode.on
  var format = "uuid4"
  /// Who is trusted with IDs.
  var trust = Trust.all
  var longestID = 128
  var rejectsInvalidIDs = false
  /// Responses are packed by gzip for who takes it; texts in them are replaced.
  var packs = false
  var replaces = false
  /// Another location decides whether a request may come in; another one gets a copy.
  var asks = false
  var mirrors = false
  /// What is done with a client's trace, and which ones are sampled.
  var context = TraceContext.ignore
  var sampling = "off"
  /// `client_max_body_size`; 0 for none.
  var contentLimit = 0

  /// True when every request and response has an ID.
  var identifies: Bool { mode == .on || mode == .generate }

  /// True when an ID has the shape that the location's format gives to new ones.
  func isGenerated(_ id: String) -> Bool {
    switch format {
    case "hex": return id.utf8.count == 32 && id.allSatisfy(\.isHexDigit)
    case "ulid": return id.utf8.count == 26 && id.allSatisfy { $0.isNumber || $0.isUppercase }
    default:
      let bytes = Array(id.utf8)
      guard bytes.count == 36 else { return false }
      return bytes[14] == UInt8(ascii: format == "uuid7" ? "7" : "4")
    }
  }
}
