/// A line of the JSON access log, read by a parser that shares no code with the writer.
///
/// The reader is strict: what RFC 8259 does not allow, a key twice, or a byte behind the object
/// makes the whole line nil, so that a torn or interleaved line can't pass for a good one.
public struct AccessLine: Sendable {
  /// A value as the log has it.
  public indirect enum Value: Sendable {
    case text(String)
    case number(String)
    /// `true` or `false`.
    case truth(Bool)
    case list([Value])
    case object([(key: String, value: Value)])
  }

  /// The members in order.
  public let members: [(key: String, value: Value)]

  /// The line that `line` is; nil when it is no line of the log.
  public init?(_ line: String) {
    var reader = AccessLineReader(bytes: Array(line.utf8))
    guard case .object(let members)? = reader.value(), reader.isAtEnd else { return nil }
    self.members = members
  }

  init(members: [(key: String, value: Value)]) { self.members = members }

  /// The text or the digits of a member; nil when it is absent.
  public subscript(key: String) -> String? {
    switch members.first(where: { $0.key == key })?.value {
    case .text(let text), .number(let text): text
    case .truth, .list, .object, nil: nil
    }
  }

  /// The keys in order.
  public var keys: [String] { members.map(\.key) }
  /// `request_id`; empty when there is none.
  public var id: String { self["request_id"] ?? "" }
  /// `status`; 0 when there is none.
  public var status: Int { self["status"].flatMap { Int($0) } ?? 0 }
  /// `bytes_out`; -1 when it is absent.
  public var bytesOut: Int { self["bytes_out"].flatMap { Int($0) } ?? -1 }
  /// `bytes_in`; -1 when it is absent.
  public var bytesIn: Int { self["bytes_in"].flatMap { Int($0) } ?? -1 }
  /// `duration` in seconds; -1 when it is absent.
  public var seconds: Double { self["duration"].flatMap { Double($0) } ?? -1 }
  /// False for a line that only says that something happened meanwhile (`event`).
  public var isEnd: Bool { self["event"] == nil }
  /// `termination`; empty for an exchange that completed.
  public var termination: String { self["termination"] ?? "" }
  /// `sampled`; false when it is absent.
  public var isSampled: Bool {
    if case .truth(let value)? = members.first(where: { $0.key == "sampled" })?.value {
      return value
    }
    return false
  }
  /// `error`; empty when there is none.
  public var error: String { self["error"] ?? "" }
  /// Which request of which connection it is about.
  public var place: String {
    (self["connection"] ?? "?") + "/" + (self["connection_request"] ?? "?")
  }

  /// The elements of `tries`; none when there was at most one try.
  public var tries: [AccessLine] {
    guard case .list(let values)? = members.first(where: { $0.key == "tries" })?.value else {
      return []
    }
    return values.compactMap { value in
      if case .object(let members) = value { AccessLine(members: members) } else { nil }
    }
  }
}

private struct AccessLineReader {
  let bytes: [UInt8]
  var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: scalar) else { return false }
    position += 1
    return true
  }

  mutating func value() -> AccessLine.Value? {
    switch next {
    case UInt8(ascii: "{"): object()
    case UInt8(ascii: "["): list()
    case UInt8(ascii: "\""): string().map { .text($0) }
    case UInt8(ascii: "t"): word("true", .truth(true))
    case UInt8(ascii: "f"): word("false", .truth(false))
    default: number().map { .number($0) }
    }
  }

  private mutating func object() -> AccessLine.Value? {
    var members: [(key: String, value: AccessLine.Value)] = []
    guard take("{") else { return nil }
    while !take("}") {
      if !members.isEmpty, !take(",") { return nil }
      guard let key = string(), take(":"), let value = value(),
        !members.contains(where: { $0.key == key })
      else { return nil }
      members.append((key, value))
    }
    return .object(members)
  }

  private mutating func word(_ text: String, _ value: AccessLine.Value) -> AccessLine.Value? {
    for scalar in text.unicodeScalars where !take(scalar) { return nil }
    return value
  }

  private mutating func list() -> AccessLine.Value? {
    var values: [AccessLine.Value] = []
    guard take("[") else { return nil }
    while !take("]") {
      if !values.isEmpty, !take(",") { return nil }
      guard let value = value() else { return nil }
      values.append(value)
    }
    return .list(values)
  }

  private mutating func string() -> String? {
    guard take("\"") else { return nil }
    var content: [UInt8] = []
    while let byte = next, byte != UInt8(ascii: "\"") {
      position += 1
      if byte < 0x20 { return nil }
      guard byte == UInt8(ascii: "\\") else {
        content.append(byte)
        continue
      }
      guard let scalar = escape() else { return nil }
      content += Array(String(scalar).utf8)
    }
    return take("\"") ? String(validating: content, as: UTF8.self) : nil
  }

  private mutating func escape() -> Unicode.Scalar? {
    if take("\"") { return "\"" }
    if take("\\") { return "\\" }
    guard take("u"), let unit = codeUnit() else { return nil }
    guard (0xD800..<0xDC00).contains(unit) else { return Unicode.Scalar(unit) }
    guard take("\\"), take("u"), let low = codeUnit(), (0xDC00..<0xE000).contains(low) else {
      return nil
    }
    return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
  }

  private mutating func codeUnit() -> UInt32? {
    guard position + 4 <= bytes.count else { return nil }
    let digits = String(decoding: bytes[position..<(position + 4)], as: UTF8.self)
    position += 4
    return UInt32(digits, radix: 16)
  }

  private mutating func number() -> String? {
    let start = position
    while let byte = next, (0x30...0x39).contains(byte) || byte == UInt8(ascii: ".") {
      position += 1
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    return text.first?.isNumber == true && Double(text) != nil ? text : nil
  }
}
