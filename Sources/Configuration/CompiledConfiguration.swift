import Basics
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
  /// The merged request-ID policy of each server and location.
  var policies: [EffectivePolicy]
  /// The names of all directives that the files use.
  var names: Set<String>
}

/// Compiles the conf file at `path` and all that it includes. Reads and resolves through
/// `environment`; opens no socket and no log. Tickets that were made with `keys` stay valid, unless
/// sessions last longer than before.
public func compileConfiguration(
  path: String, environment: ConfigurationEnvironment, keys: TicketKeys? = nil
) -> CompiledConfiguration {
  let builder = ConfigurationBuilder(environment: environment)
  builder.build(path: path, includedAt: nil)
  let assembler = PlanAssembler(builder)
  let plan = builder.reporter.sources.isEmpty ? nil : assembler.assemble()
  let tls = assembler.tls.load(
    environment, builder.reporter, keys: assembler.tls.ticketKeys(keeping: keys))
  return CompiledConfiguration(
    plan: builder.reporter.errorCount == 0 ? plan : nil, tls: tls,
    diagnostics: builder.reporter.diagnostics(), sources: builder.reporter.sources,
    serverPlaces: assembler.serverPlaces, locationPlaces: assembler.locationPlaces,
    policies: assembler.policies, names: builder.usedNames)
}
