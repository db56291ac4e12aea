import Basics
import Policy

/// Why a text with variables was refused.
public struct TemplateError: Error, Equatable, Sendable {
  /// UTF-8 offset of the `$` in the text.
  public let offset: Int
  /// The variable's name without `$` and braces; empty when there is none.
  public let name: String
  /// What is wrong, without a full stop.
  public let message: String

  /// The error given.
  public init(offset: Int, name: String, message: String) {
    self.offset = offset
    self.name = name
    self.message = message
  }
}

/// What `$sent_http_NAME`, `$upstream_http_NAME` or `$upstream_cookie_NAME` asks for; its slot is
/// its index in `TemplateCompiler.capturedFields`.
public struct CapturedName: Hashable, Sendable {
  /// In lowercase. A field's has dashes: no field whose name has an underscore can be asked for, as
  /// in nginx.
  public let name: String
  /// True for `$upstream_http_NAME`: as the backend sent it; else as it goes to the client.
  public let isUpstream: Bool
  /// True for `$upstream_cookie_NAME`: a cookie that the backend sets.
  public let isCookie: Bool

  /// What is given.
  public init(name: String, isUpstream: Bool, isCookie: Bool = false) {
    self.name = name
    self.isUpstream = isUpstream
    self.isCookie = isCookie
  }
}

/// Compiles the texts of a conf file; one compiler serves the whole file, so that its templates
/// share the slots for response fields.
///
/// A variable is `$name` or `${name}`; its name is letters, digits and underscores, without regard
/// to case. A `$` can't be escaped, as in nginx.
public struct TemplateCompiler {
  private let arena: Arena
  private let hostname: String
  /// The response fields that the templates compiled so far ask for, by slot.
  public private(set) var capturedFields: [CapturedName] = []
  /// The variables that the conf file makes or templates ask for, by slot, in lowercase.
  public internal(set) var ownNames: [String] = []
  /// The slot of each.
  var ownSlots: [String: UInt16] = [:]
  /// Those of them that something makes.
  var declaredNames: Set<String> = []
  /// Uses of names that no variable and no group had by then; see `takeOpenNames`.
  var openNames: [TemplateError] = []
  /// True when expressions may come whose groups templates ask for.
  let hasExpressions: Bool
  /// True once a template asks for a group.
  public internal(set) var usesGroups = false

  /// A compiler whose tables lie in `arena`. `hostname` is the machine's name: `$hostname`. With
  /// `hasExpressions`, a name that nothing has yet is taken for that of a group.
  public init(arena: Arena, hostname: String, hasExpressions: Bool = false) {
    self.arena = arena
    self.hostname = hostname
    self.hasExpressions = hasExpressions
  }

  /// The names of all variables, without those of families, for "did you mean".
  public static var variableNames: [String] { Variable.names.map(\.name) + computedNames.sorted() }

  /// The prefixes of the families of variables: `http_` and the like.
  public static var variablePrefixes: [String] { VariableFamily.allCases.map(\.rawValue) }

  /// The template of `text`; throws at its first fault.
  public mutating func compile(_ text: String) throws(TemplateError) -> Template {
    let bytes = Array(text.utf8)
    var parts: [TemplatePart] = []
    var literal: [UInt8] = []
    var position = 0
    while position < bytes.count {
      guard bytes[position] == UInt8(ascii: "$") else {
        literal.append(bytes[position])
        position += 1
        continue
      }
      let reference = try VariableReference(in: bytes, at: position)
      position = reference.end
      if Variable.named(reference.name) == .hostname {
        literal += hostname.utf8
        continue
      }
      let part: TemplatePart
      if let number = reference.group {
        part = groupPart(number)
      } else {
        part = try self.part(for: reference)
      }
      appendLiteral(&literal, to: &parts)
      parts.append(part)
    }
    appendLiteral(&literal, to: &parts)
    return Template(parts: arena.freeze(parts))
  }

  /// Moves the text collected since the last variable to the end of `parts`.
  private func appendLiteral(_ literal: inout [UInt8], to parts: inout [TemplatePart]) {
    guard !literal.isEmpty else { return }
    parts.append(TemplatePart(.literal, text: arena.freeze(literal)))
    literal.removeAll()
  }

  private mutating func part(
    for reference: VariableReference
  ) throws(TemplateError) -> TemplatePart {
    if let variable = Variable.named(reference.name) { return TemplatePart(variable) }
    if declaredNames.contains(reference.name) || Self.computedNames.contains(reference.name) {
      return try ownPart(for: reference)
    }
    guard let (family, member) = Variable.family(of: reference.name) else {
      return try ownPart(for: reference)
    }
    guard !member.isEmpty else {
      throw reference.error("a name must follow \"$\(family.rawValue)\"")
    }
    switch family {
    case .argument: return TemplatePart(.argument, text: arena.freeze(member))
    case .cookie: return TemplatePart(.cookie, text: arena.freeze(member))
    case .requestField: return TemplatePart(.requestField, text: arena.freeze(member))
    case .upstreamCookie:
      let name = CapturedName(name: member, isUpstream: true, isCookie: true)
      return TemplatePart(.captured, slot: UInt16(try slot(of: name, for: reference)))
    case .sentField, .upstreamField:
      let dashed = String(member.map { $0 == "_" ? "-" : $0 })
      let name = CapturedName(name: dashed, isUpstream: family == .upstreamField)
      return TemplatePart(.captured, slot: UInt16(try slot(of: name, for: reference)))
    }
  }

  /// The slot of `name`, a new one when no template asked for it before.
  private mutating func slot(
    of name: CapturedName, for reference: VariableReference
  ) throws(TemplateError) -> UInt8 {
    if let slot = capturedFields.firstIndex(of: name) { return UInt8(slot) }
    guard capturedFields.count < Limits.capturedFields else {
      throw reference.error(
        "a conf file can use at most \(Limits.capturedFields) response fields as variables")
    }
    capturedFields.append(name)
    return UInt8(capturedFields.count - 1)
  }
}
