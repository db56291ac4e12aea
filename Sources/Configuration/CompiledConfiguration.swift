import Basics
import HTTP
import Plan
import TLS

/// The way in: a conf file becomes a plan, or a list of what is wrong with it.

/// What a conf file came to.
public struct CompiledConfiguration {
  /// The plan; nil if and only if there is at least one error.
  public var plan: Plan?
  /// The contexts for its TLS.
  public var tls: TLSTables
  /// Errors and warnings in the order of the text.
  public var diagnostics: [Diagnostic]
  /// The files that were read, in that order; the conf file itself is the first.
  public var sources: [SourceFile]
  /// Where each of the plan's servers stands.
  public var serverPlaces: [BlockPlace]
  /// Where each of the plan's locations stands.
  public var locationPlaces: [BlockPlace]
  /// How often each directive without effect is used.
  public var needless: [String: Int]
  /// How often the conf file relies on a default that is not nginx's, by directive.
  public var differenceCounts: [String: Int]
  /// Where it does. Made when it is asked for: a large file has many.
  public var differences: [DefaultDifference] { listDifferences() }
  let listDifferences: () -> [DefaultDifference]
  /// The merged request-ID policy of each server and location.
  var policies: [EffectivePolicy]
  /// The names of all directives that the files use.
  var names: Set<String>
}

/// What a plan is made for, and so what there must be besides the conf file.
public enum ConfigurationPurpose: Sendable {
  /// To serve: the files of TLS are read, names are resolved.
  case serving
  /// To say what would happen: no file of TLS is read, names are resolved.
  case explaining
  /// To find logs, sockets and formats: no file of TLS is read and no name resolved. Those who read
  /// logs have no right to read keys, and the names' servers may be what is being looked for.
  case reading
}

/// Compiles the conf file at `path` and all that it includes. Reads and resolves through
/// `environment`, as far as the purpose asks for it; opens no socket and no log. Tickets that were
/// made with `keys` stay valid, unless sessions last longer than before. Only a plan for serving
/// has contexts for TLS.
public func compileConfiguration(
  path: String, environment: ConfigurationEnvironment, purpose: ConfigurationPurpose = .serving,
  keys: TicketKeys? = nil
) -> CompiledConfiguration {
  var environment = environment
  if purpose == .reading {
    var count: UInt64 = 0
    environment.resolve = { _ in
      count += 1
      return .success([.unresolved(count)])
    }
  }
  let builder = ConfigurationBuilder(environment: environment)
  builder.build(mainFile: path)
  let assembler = PlanAssembler(builder)
  let plan = builder.reporter.sources.isEmpty ? nil : assembler.assemble()
  let ticketKeys = assembler.tls.ticketKeys(keeping: keys)
  let tls =
    purpose == .serving
    ? assembler.tls.load(environment, builder.reporter, keys: ticketKeys)
    : TLSTables(servers: [], backends: [], keys: ticketKeys)
  return CompiledConfiguration(
    plan: builder.reporter.errorCount == 0 ? plan : nil, tls: tls,
    diagnostics: builder.reporter.diagnostics(), sources: builder.reporter.sources,
    serverPlaces: assembler.serverPlaces, locationPlaces: assembler.locationPlaces,
    needless: builder.needless,
    differenceCounts: assembler.differenceCounts,
    listDifferences: { assembler.sortedDifferences() },
    policies: assembler.policies, names: builder.usedNames)
}

extension PeerAddress {
  /// Stands for the address of a name that nobody will connect to, each for one: an upstream lists
  /// no address twice. They are of 0.0.0.0/8, which nobody has.
  fileprivate static func unresolved(_ number: UInt64) -> PeerAddress {
    PeerAddress(family: .ipv4, high: 0, low: number & 0xFF_FFFF, port: 0)
  }
}
