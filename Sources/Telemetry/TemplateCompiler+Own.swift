import Basics
import Policy

/// `$1` to `$9`, and the variables that the conf file makes: by `set`, `map`, `geo`,
/// `split_clients`, or as named groups of regular expressions.
extension TemplateCompiler {
  /// Variables that are computed when they are asked for: they depend on the location, or are
  /// looked up in the connection.
  public static let computedNames: Set<String> = Set([
    "document_root", "limit_rate", "proxy_port", "realpath_root", "request_body",
    "request_filename",
  ]).union(ComputedFact.allCases.map(\.name))

  /// nginx's own variables that `set` may change.
  private static let changeableNames: Set<String> = ["limit_rate"]

  /// Notes that an expression has a group of that name. Returns its slot; throws when the name is
  /// that of another variable, or when there are too many.
  public mutating func declareGroup(_ name: String) throws(TemplateError) -> UInt16 {
    let name = name.lowercased()
    let isTaken =
      Variable.named(name) != nil || Variable.family(of: name) != nil
      || Self.computedNames.contains(name)
    guard !isTaken else {
      throw TemplateError(
        offset: 0, name: name,
        message: "a capture can't be named \"\(name)\": $\(name) is a variable")
    }
    return try declare(name)
  }

  /// Notes that a directive makes a variable of that name, given without its `$`. Returns its slot;
  /// throws when the name is that of a variable that can't be changed, or when there are too many.
  public mutating func declareVariable(_ name: String) throws(TemplateError) -> UInt16 {
    let name = name.lowercased()
    let isFixed =
      Variable.named(name) != nil
      || Self.computedNames.contains(name) && !Self.changeableNames.contains(name)
    guard !isFixed else {
      throw TemplateError(
        offset: 0, name: name, message: "the variable \"$\(name)\" can't be changed")
    }
    return try declare(name)
  }

  private mutating func declare(_ name: String) throws(TemplateError) -> UInt16 {
    guard let slot = slot(ofOwn: name) else {
      throw TemplateError(
        offset: 0, name: name,
        message: "a conf file can make at most \(Limits.ownVariables) variables")
    }
    declaredNames.insert(name)
    return slot
  }

  /// True when something makes a variable of that name.
  public func isDeclared(_ name: String) -> Bool { declaredNames.contains(name) }

  /// The names that templates have asked for since the last call, which were no variables by then,
  /// as the errors that they are unless something comes that makes them.
  public mutating func takeOpenNames() -> [TemplateError] {
    defer { openNames = [] }
    return openNames
  }

  mutating func groupPart(_ number: UInt8) -> TemplatePart {
    usesGroups = true
    return TemplatePart(.group, slot: UInt16(number))
  }

  mutating func ownPart(
    for reference: VariableReference
  ) throws(TemplateError) -> TemplatePart {
    let isComputed = Self.computedNames.contains(reference.name)
    let unknown = reference.error("unknown variable \"$\(reference.name)\"")
    guard isComputed || hasExpressions, let slot = slot(ofOwn: reference.name) else {
      throw unknown
    }
    if !isComputed && !declaredNames.contains(reference.name) { openNames.append(unknown) }
    usesGroups = true
    return TemplatePart(.own, slot: slot)
  }

  private mutating func slot(ofOwn name: String) -> UInt16? {
    if let known = ownSlots[name] { return known }
    guard ownNames.count < Limits.ownVariables else { return nil }
    ownSlots[name] = UInt16(ownNames.count)
    ownNames.append(name)
    return UInt16(ownNames.count - 1)
  }
}
