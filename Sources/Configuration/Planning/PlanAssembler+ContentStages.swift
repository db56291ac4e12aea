import Basics
import Plan
import Telemetry

/// What becomes of the content of a location's responses.
extension PlanAssembler {
  /// Sets what a location says of it.
  func setContentStages(_ settings: ContentStageSettings, _ plan: inout LocationPlan) {
    var stages = ContentStagePlan()
    stages.unpacksGzip = settings.unpacksGzip ?? false
    stages.sendsVary = settings.sendsVary ?? false
    set(settings.gzip, isOn: settings.packsByGzip ?? false, &stages.gzip)
    stages.gzipWindowBits = settings.gzipWindowBits ?? stages.gzipWindowBits
    stages.gzipMemoryLevel = settings.gzipMemoryLevel ?? stages.gzipMemoryLevel
    stages.gzipClients = gzipClients(settings)
    set(settings.brotli, isOn: settings.packsByBrotli ?? false, &stages.brotli)
    stages.brotliWindowBits = settings.brotliWindowBits ?? stages.brotliWindowBits
    if let pairs = settings.substitutions {
      stages.substitution.pairs = substitutionPairs.made(of: pairs) { arena.freeze($0) }
      stages.substitution.replacesOnce = settings.substitutesOnce ?? true
      stages.substitution.types = mediaTypeList(settings.substitutedTypes)
      stages.substitution.keepsLastModified = settings.keepsLastModified ?? false
    }
    plan.stages = stages
    plan.changesContent = stages.isUsed
  }

  private func set(
    _ settings: CompressionSettings, isOn: Bool, _ plan: inout CompressionPlan
  ) {
    guard isOn else { return }
    plan.isOn = true
    plan.level = settings.level.map { Int($0) } ?? plan.level
    plan.minimumLength = settings.minimumLength ?? plan.minimumLength
    plan.types = mediaTypeList(settings.types)
  }

  private func gzipClients(_ settings: ContentStageSettings) -> GzipClientRule {
    var rule = GzipClientRule()
    rule.includesHTTP10 = settings.gzipIncludesHTTP10 ?? false
    rule.proxied = settings.gzipProxied ?? .off
    rule.excludesOldExplorers = settings.excludesOldExplorers ?? false
    if let disabled = settings.gzipDisabled, !disabled.isEmpty {
      rule.disabled = arena.freeze(disabled.map { planIndex(of: $0) })
    }
    return rule
  }

  /// `text/html` always is one of them.
  private func mediaTypeList(_ types: [String]?) -> MediaTypeList {
    let types = types ?? ["text/html"]
    var list = MediaTypeList()
    list.includesAll = types.contains("*")
    list.types = stageTypes.made(of: types) { types in
      arena.freeze((types + ["text/html"]).map { arena.freeze($0) })
    }
    return list
  }
}
