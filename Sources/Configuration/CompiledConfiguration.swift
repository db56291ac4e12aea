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
  /// What they were made of, to make them again.
  public var tlsMaterials: TLSMaterials
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
/// `environment`; opens no socket and no log.
public func compileConfiguration(
  path: String, environment: ConfigurationEnvironment
) -> CompiledConfiguration {
  let builder = ConfigurationBuilder(environment: environment)
  builder.build(path: path, includedAt: nil)
  let assembler = PlanAssembler(builder)
  let plan = builder.reporter.sources.isEmpty ? nil : assembler.assemble()
  let tls = assembler.tls.load(
    environment, builder.reporter, keys: assembler.tls.ticketKeys())
  return CompiledConfiguration(
    plan: builder.reporter.errorCount == 0 ? plan : nil, tls: tls,
    tlsMaterials: assembler.tls,
    diagnostics: builder.reporter.diagnostics(), sources: builder.reporter.sources,
    serverPlaces: assembler.serverPlaces, locationPlaces: assembler.locationPlaces,
    policies: assembler.policies, names: builder.usedNames)
}
