import Basics
import Plan
import Telemetry

/// What answers of Waybill's own need to know: how a redirect names its target, and which media
/// type a text has.
extension PlanAssembler {
  /// `absolute_redirect` and its companions.
  func setRedirects(_ settings: RedirectSettings, _ plan: inout LocationPlan) {
    plan.redirect.isAbsolute = settings.isAbsolute ?? usesNginxDefaults
    plan.redirect.usesServerName = settings.usesServerName ?? false
    plan.redirect.showsPort = settings.showsPort ?? true
  }

  /// `types`; nginx has three where nothing is said.
  func mediaTypes(
    _ types: MediaTypes?, elseUsual: Bool = false
  ) -> FrozenArray<MediaTypeEntry> {
    guard types != nil || usesNginxDefaults || elseUsual else { return .empty }
    let key = types.map(ObjectIdentifier.init)
    if let known = frozenTypes[key] { return known }
    let entries = types?.byExtension ?? Self.usualTypes
    let table = arena.freeze(
      entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map {
        MediaTypeEntry(fileExtension: arena.freeze($0.key), type: arena.freeze($0.value))
      })
    frozenTypes[key] = table
    return table
  }

  private static var usualTypes: [String: String] {
    ["html": "text/html", "gif": "image/gif", "jpg": "image/jpeg"]
  }
}
