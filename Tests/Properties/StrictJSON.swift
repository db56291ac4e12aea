/// A JSON text as RFC 8259 defines it and nothing more: the judge of the lines that Waybill writes,
/// sharing no code with them. Keys keep their order, and twice the same key is an error.
public indirect enum StrictJSON: Equatable, Sendable {
  case object([Member])
  case array([StrictJSON])
  case string(String)
  case number(String)
  case literal(String)

  /// A member of an object.
  public struct Member: Equatable, Sendable {
    /// Its name.
    public let key: String
    /// Its value.
    public let value: StrictJSON

    /// The member given.
    public init(key: String, value: StrictJSON) {
      self.key = key
      self.value = value
    }
  }

  /// Why a text is no JSON.
  public struct Malformed: Error, Equatable {
    /// Where.
    public let offset: Int
    /// What is wrong there.
    public let reason: String
  }

  /// True when all of `bytes` are one value.
  public static func isValid(_ bytes: [UInt8]) -> Bool { (try? parse(bytes)) != nil }

  /// Parses all of `bytes`, which must be one value and valid UTF-8.
  public static func parse(_ bytes: [UInt8]) throws(Malformed) -> StrictJSON {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw Malformed(offset: 0, reason: "not UTF-8")
    }
    var parser = StrictJSONParser(bytes: bytes)
    let value = try parser.value()
    guard parser.position == bytes.count else { throw parser.malformed("bytes after the value") }
    return value
  }

  /// The members of an object; none of anything else.
  public var members: [Member] {
    guard case .object(let members) = self else { return [] }
    return members
  }

  /// The value of an object's member.
  public subscript(key: String) -> StrictJSON? { members.first { $0.key == key }?.value }

  /// A string's content, or a number or a literal as it stands.
  public var text: String? {
    switch self {
    case .string(let text), .number(let text), .literal(let text): text
    case .object, .array: nil
    }
  }
}

private struct StrictJSONParser {
  let bytes: [UInt8]
  var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  func malformed(_ reason: String) -> StrictJSON.Malformed {
    StrictJSON.Malformed(offset: position, reason: reason)
  }

  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  var isDigit: Bool {
    next.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
  }

  mutating func take(_ byte: Unicode.Scalar) throws(StrictJSON.Malformed) {
    guard next == UInt8(ascii: byte) else { throw malformed("expected \(byte)") }
    position += 1
  }

  mutating func value() throws(StrictJSON.Malformed) -> StrictJSON {
    switch next {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"): return .number(try number())
    case _? where isDigit: return .number(try number())
    default:
      for literal in ["true", "false", "null"]
      where bytes[position...].starts(with: literal.utf8) {
        position += literal.utf8.count
        return .literal(literal)
      }
      throw malformed("no value")
    }
  }

  mutating func object() throws(StrictJSON.Malformed) -> StrictJSON {
    var members: [StrictJSON.Member] = []
    try take("{")
    while next != UInt8(ascii: "}") {
      if !members.isEmpty { try take(",") }
      let key = try string()
      if members.contains(where: { $0.key == key }) { throw malformed("\(key) twice") }
      try take(":")
      members.append(.init(key: key, value: try value()))
    }
    try take("}")
    return .object(members)
  }

  mutating func array() throws(StrictJSON.Malformed) -> StrictJSON {
    var elements: [StrictJSON] = []
    try take("[")
    while next != UInt8(ascii: "]") {
      if !elements.isEmpty { try take(",") }
      elements.append(try value())
    }
    try take("]")
    return .array(elements)
  }

  mutating func string() throws(StrictJSON.Malformed) -> String {
    try take("\"")
    var content: [UInt8] = []
    while let byte = next, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else { throw malformed("control in a string") }
      position += 1
      if byte == UInt8(ascii: "\\") { try escape(into: &content) } else { content.append(byte) }
    }
    try take("\"")
    return String(decoding: content, as: UTF8.self)
  }

  mutating func escape(into content: inout [UInt8]) throws(StrictJSON.Malformed) {
    guard let byte = next else { throw malformed("lone backslash") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
    case UInt8(ascii: "u"):
      guard position + 4 <= bytes.count,
        let digits = String(validating: bytes[position..<(position + 4)], as: UTF8.self),
        digits.allSatisfy(\.isHexDigit), let number = UInt32(digits, radix: 16),
        let scalar = Unicode.Scalar(number)
      else { throw malformed("bad \\u escape") }
      position += 4
      content += Array(String(scalar).utf8)
    default: throw malformed("unknown escape")
    }
  }

  mutating func number() throws(StrictJSON.Malformed) -> String {
    let start = position
    if next == UInt8(ascii: "-") { position += 1 }
    let integer = digits()
    guard !integer.isEmpty, integer.count == 1 || integer.first != UInt8(ascii: "0") else {
      throw malformed("bad integer part")
    }
    if next == UInt8(ascii: ".") {
      position += 1
      if digits().isEmpty { throw malformed("no digit behind the point") }
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  mutating func digits() -> ArraySlice<UInt8> {
    let start = position
    while isDigit { position += 1 }
    return bytes[start..<position]
  }
}
