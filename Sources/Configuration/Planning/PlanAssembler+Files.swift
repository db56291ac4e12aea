import Basics
import HTTP
import Plan
import Policy
import Telemetry

/// How a location serves files.
extension PlanAssembler {
  /// Has a location serve files if something says where they lie.
  func setFiles(_ settings: Settings, _ plan: inout LocationPlan) {
    guard let root = root(settings) else { return }
    guard plan.action == .none else {
      // For `$document_root` and `$request_filename`.
      plan.files.root = root.path
      plan.files.isAlias = root.isAlias
      plan.files.aliasPrefixCount = root.aliasPrefixCount
      return
    }
    plan.action = .files
    setPath(settings, root, &plan)
    plan.files.indexes =
      settings.files.indexes.map { arena.freeze($0) } ?? arena.freeze([literal("index.html")])
    plan.files.sendsEntityTag = settings.files.sendsEntityTag ?? true
    plan.files.dateRule = settings.files.dateRule ?? .exact
    plan.files.maximumRanges = settings.files.maximumRanges.map { Int($0) } ?? .max
    plan.files.listing.isOn = settings.files.listsFolders ?? false
    plan.files.listing.isJSON = settings.files.listsAsJSON ?? false
    plan.files.listing.isExact = settings.files.listsExactSizes ?? true
    plan.files.listing.isLocal = settings.files.listsLocalTime ?? false
    plan.files.packed = settings.files.packed ?? .off
    plan.files.packedByBrotli = settings.files.packedByBrotli ?? .off
    plan.answerType = arena.freeze(settings.client.defaultType ?? "text/plain")
    // nginx's three where no `types` are: files without any type would be of little use.
    plan.answerTypes = mediaTypes(settings.mediaTypes, elseUsual: true)
  }

  /// Where the files lie that a location serves or looks for.
  func setPath(_ settings: Settings, _ root: RootSetting, _ plan: inout LocationPlan) {
    plan.files.root = root.path
    plan.files.isAlias = root.isAlias
    plan.files.aliasPrefixCount = root.aliasPrefixCount
    plan.files.logsMissing = settings.files.logsMissing ?? true
    guard let links = settings.files.links else { return }
    plan.files.links = links.rule
    switch links.from {
    case nil: break
    case .root: plan.files.linksFrom = root.path
    case .path(let path): plan.files.linksFrom = path
    }
  }

  /// What a level says, or nginx's default.
  func root(_ settings: Settings) -> RootSetting? {
    if let root = settings.files.root { return root }
    guard usesNginxDefaults else { return nil }
    let start = Place(file: 0, offset: 0, count: 0)
    return RootSetting(path: literal("html"), isAlias: false, aliasPrefixCount: 0, place: start)
  }

  private func literal(_ text: String) -> Template {
    Template(parts: arena.freeze([TemplatePart(.literal, text: arena.freeze(text))]))
  }

  /// The fields that `expires` sets.
  func expiryFields(_ settings: Settings) -> [FieldAssignment] {
    guard let expiry = settings.files.expiry, expiry.value != .off || !expiry.template.isEmpty
    else { return [] }
    let fields: [(name: String, source: FieldSource)] = [
      ("Expires", .expiryDate), ("Cache-Control", .maximumAge),
    ]
    return fields.map { name, source in
      var field = FieldAssignment(
        name: arena.freeze(name), known: .other, value: Template(parts: .empty), isAlways: false)
      field.source = source
      field.replacement = .unlessEmpty
      return field
    }
  }
}
