import Basics
import Policy

/// `$1` to `$9` and the names of groups.
extension TemplateCompiler {
  /// Notes that an expression has a group of that name. Returns its slot; throws when the name is
  /// that of another variable, or when there are too many.
  public mutating func declareGroup(_ name: String) throws(TemplateError) -> UInt8 {
    let name = name.lowercased()
    guard Variable.named(name) == nil, Variable.family(of: name) == nil, name != "limit_rate" else {
      throw TemplateError(
        offset: 0, name: name,
        message: "a group can't be named \"\(name)\": $\(name) is a variable")
    }
    guard let slot = slot(ofGroup: name) else {
      throw TemplateError(
        offset: 0, name: name,
        message: "a conf file can have at most \(Limits.namedGroups) names of groups")
    }
    declaredGroups.insert(name)
    return slot
  }

  /// True when an expression has a group of that name.
  public func isDeclaredGroup(_ name: String) -> Bool { declaredGroups.contains(name) }

  /// The names that templates have asked for since the last call, which were no variables and no
  /// groups of expressions by then, as the errors that they are unless expressions come that have
  /// them.
  public mutating func takeOpenNames() -> [TemplateError] {
    defer { openNames = [] }
    return openNames
  }

  mutating func groupPart(_ number: UInt8) -> TemplatePart {
    usesGroups = true
    return TemplatePart(.group, slot: number)
  }

  mutating func groupPart(
    for reference: VariableReference
  ) throws(TemplateError) -> TemplatePart {
    let unknown = reference.error("unknown variable \"$\(reference.name)\"")
    guard hasExpressions, let slot = slot(ofGroup: reference.name) else { throw unknown }
    if !declaredGroups.contains(reference.name) { openNames.append(unknown) }
    usesGroups = true
    return TemplatePart(.namedGroup, slot: slot)
  }

  private mutating func slot(ofGroup name: String) -> UInt8? {
    if let known = groupNames.firstIndex(of: name) { return UInt8(known) }
    guard groupNames.count < Limits.namedGroups else { return nil }
    groupNames.append(name)
    return UInt8(groupNames.count - 1)
  }
}
