import Basics
import Plan
import Policy
import RegularExpressions
import Telemetry

/// The locations that stand side by side in a `server` or a `location`.
struct LocationLevel {
  var locations: [LocationDeclaration]
  /// Where each was declared.
  var places: [LocationKey: Place]
  var server: ServerDeclaration
  /// The server's title.
  var title: String
  /// What holds around them.
  var settings: Settings
  /// The server's named locations.
  var named: [String: Int]
  /// The expressions that are tried after those of this level: -1 for none.
  var next: Int
  /// What paths begin with that lead to this level.
  var path = ""
  /// Paths for which another location than the one around this level is found first.
  var hidden: [HiddenPaths] = []

  /// The paths of its locations that are prefixes; of no interest, and so none, where no location
  /// has others inside.
  var prefixes: Set<String> {
    guard locations.contains(where: { !$0.locations.isEmpty }) else { return [] }
    return Set(locations.lazy.filter { $0.isFoundByPath && !$0.isExact }.map(\.path))
  }
}

/// The longest prefix is looked for level by level in nginx. All levels are in one table here, so
/// what lies in a location, but behind a longer prefix that stands beside it, is left out.
struct HiddenPaths {
  /// Bytes of the location's own path.
  var count: Int
  /// The paths that stand beside it.
  var prefixes: Set<String>

  /// True when `path` begins with one of them that is longer than the location's own.
  func contains(_ path: String) -> Bool {
    var prefix = path
    while prefix.utf8.count > count {
      if prefixes.contains(prefix) { return true }
      prefix.unicodeScalars.removeLast()
    }
    return false
  }
}

/// What a table of locations is made of, in the order in which the first of equal paths counts.
private struct LocationScope {
  var exact: [(isExact: Bool, path: String, location: Int)] = []
  var prefixes: [(isExact: Bool, path: String, location: Int)] = []
}

/// How a path leads to a location: one table of paths for each server, and lists of regular
/// expressions.
extension PlanAssembler {
  /// Appends the locations of a server. Returns the table that finds them; what serves a path that
  /// none matches is `fallback`.
  func assembleLocations(
    of server: ServerDeclaration, _ title: String, _ settings: Settings, _ named: [String: Int],
    fallback: Int
  ) -> LocationTable {
    var scope = LocationScope()
    let level = LocationLevel(
      locations: server.locations, places: server.locationPlaces, server: server, title: title,
      settings: settings, named: named, next: -1)
    locations[fallback].expressionList = assemble(level, into: &scope)
    return table(scope, fallback: fallback)
  }

  /// Appends the locations of a level and all inside of them. Returns the list of expressions that
  /// the search for a path goes on with when it has ended within the level.
  private func assemble(_ level: LocationLevel, into scope: inout LocationScope) -> Int {
    let tries = level.server.answer == nil && level.locations.contains { $0.expression != nil }
    let list = tries ? expressionLists.count : level.next
    if tries { expressionLists.append(ExpressionList(locations: .empty, next: level.next)) }
    let first = locations.count
    let merged = level.locations.map { appendOne($0, of: level, list) }
    let own = level.locations.enumerated().filter { $1.isFoundByPath }
      .map { (isExact: $1.isExact, path: $1.path, location: first + $0) }
    scope.exact += own.filter { $0.isExact && isVisible($0.path, level) }
    // As in nginx, a level is searched only for paths that lead there.
    scope.exact += appendSlashRedirects(level).filter {
      isVisible($0.path, level) && $0.path.hasPrefix(level.path)
    }
    let siblings = level.prefixes
    var entries: [ExpressionLocation] = []
    for (index, location) in level.locations.enumerated() {
      let inner = inner(location, first + index, merged[index], of: level, siblings)
      guard let expression = location.expression else {
        if let inner { locations[first + index].expressionList = assemble(inner, into: &scope) }
        continue
      }
      let nested = inner.map { assembleNested($0, around: first + index) } ?? -1
      entries.append(
        ExpressionLocation(
          expression: planIndex(of: expression), location: first + index, nested: nested))
    }
    // Behind those inside of them, which go before them where their paths are equal.
    scope.prefixes += own.filter { !$0.isExact && isVisible($0.path, level) }
    if tries { expressionLists[list].locations = arena.freeze(entries) }
    return list
  }

  /// Appends one location without what is inside of it. Returns its merged settings.
  private func appendOne(
    _ location: LocationDeclaration, of level: LocationLevel, _ list: Int
  ) -> Settings {
    let merged = location.settings.inheriting(level.settings, replacesLists: usesNginxDefaults)
    noteDifferences(of: location, merged, own: location.settings, outer: level.settings)
    note("\(level.title) location \(location.path)", location.place, merged.requestID)
    var plan = plan(location, in: level.server, merged, level.named)
    if location.isFoundByPath, !location.isExact {
      plan.expressionList = location.modifier == "^~" ? level.next : list
    }
    append(plan, location.title, location.place)
    setRewriting(location, merged, at: locations.count - 1)
    return merged
  }

  /// The level inside of the location at `index`; nil when there is none.
  private func inner(
    _ location: LocationDeclaration, _ index: Int, _ settings: Settings, of level: LocationLevel,
    _ siblings: Set<String>
  ) -> LocationLevel? {
    guard !location.locations.isEmpty else { return nil }
    var inner = LocationLevel(
      locations: location.locations, places: location.locationPlaces, server: level.server,
      title: level.title, settings: settings, named: level.named,
      next: locations[index].expressionList)
    guard location.expression == nil else { return inner }
    inner.path = location.path
    inner.hidden =
      level.hidden + [HiddenPaths(count: location.path.utf8.count, prefixes: siblings)]
    return inner
  }

  /// Appends what lies in a location with an expression: a table of its own.
  private func assembleNested(_ level: LocationLevel, around location: Int) -> Int {
    var scope = LocationScope()
    locations[location].expressionList = assemble(level, into: &scope)
    nestedLocations.append(table(scope, fallback: location))
    return nestedLocations.count - 1
  }

  private func isVisible(_ path: String, _ level: LocationLevel) -> Bool {
    !level.hidden.contains { $0.contains(path) }
  }

  private func table(_ scope: LocationScope, fallback: Int) -> LocationTable {
    let entries = (scope.exact + scope.prefixes).map {
      (isExact: $0.isExact, path: $0.path, location: tableEntry($0.location))
    }
    return LocationTable(entries: entries, unmatched: tableEntry(fallback), arena: arena)
  }

  /// A location as tables hold it: inverted when expressions are to be tried first.
  private func tableEntry(_ location: Int) -> Int {
    locations[location].expressionList >= 0 ? ~location : location
  }

  /// Index in `expressions` of an expression.
  func planIndex(of expression: RegularExpression) -> Int {
    if let known = expressionIndices[ObjectIdentifier(expression)] { return known }
    arena.keep(expression)
    let named = expression.namedGroups.compactMap { group in
      (try? builder.templates.declareGroup(group.name)).map {
        NamedGroupPlan(number: group.number, slot: Int($0))
      }
    }
    expressionIndices[ObjectIdentifier(expression)] = expressions.count
    expressions.append(
      ExpressionPlan(
        handle: expression.handle, pattern: arena.freeze(expression.pattern),
        groupCount: expression.groupCount, isAnchored: expression.isAnchored,
        namedGroups: arena.freeze(named)))
    return expressions.count - 1
  }
}
