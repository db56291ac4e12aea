import Basics

/// The members of one line of JSON by their names: for lines of which few are read, and more than
/// an `AccessEntry` holds is asked.
public struct LineMembers: Sendable {
  private enum Value {
    case text([UInt8])
    case word([UInt8])
    case nested([UInt8])
  }

  /// The line, without its end.
  public let line: [UInt8]
  private var members: [String: Value] = [:]

  /// The members of the object that `line` is; nil when it is none.
  public init?(_ line: some Collection<UInt8>) {
    let line = Array(line)
    guard line.first == UInt8(ascii: "{") else { return nil }
    self.line = line
    var walk = JSONMembers(at: 0)
    while walk.next(in: line.span) {
      let name = String(decoding: line[walk.name], as: UTF8.self)
      let value = line[walk.value]
      switch walk.kind {
      case .string: members[name] = .text(LineMembers.unescaped(value))
      case .word: members[name] = .word(Array(value))
      case .nested: members[name] = .nested(Array(value))
      }
    }
    guard walk.isComplete else { return nil }
  }

  /// The names that have a value.
  public func contains(_ name: String) -> Bool { members[name] != nil }

  /// A string as it was before it became one; empty when there is none of that name.
  public func bytes(_ name: String) -> [UInt8] {
    if case .text(let bytes)? = members[name] { bytes } else { [] }
  }

  /// A string, with what is no UTF-8 replaced; empty when there is none of that name.
  public func text(_ name: String) -> String { String(decoding: bytes(name), as: UTF8.self) }

  /// A whole number; nil when there is none of that name.
  public func number(_ name: String) -> UInt64? {
    guard case .word(let digits)? = members[name] else { return nil }
    return UInt64(String(decoding: digits, as: UTF8.self))
  }

  /// Seconds with decimals, as microseconds; nil when there are none of that name.
  public func microseconds(_ name: String) -> UInt64? {
    guard case .word(let digits)? = members[name],
      let seconds = Double(String(decoding: digits, as: UTF8.self)), seconds >= 0, seconds < 1e12
    else { return nil }
    return UInt64((seconds * 1e6).rounded())
  }

  /// The numbers of an array, as they are written.
  public func words(_ name: String) -> [String] {
    guard case .nested(let bytes)? = members[name] else { return [] }
    return bytes.dropFirst().dropLast().split(separator: UInt8(ascii: ","))
      .map { String(decoding: $0, as: UTF8.self) }
  }

  /// The objects of an array; none when there is no array of that name.
  public func objects(_ name: String) -> [LineMembers] {
    guard case .nested(let bytes)? = members[name] else { return [] }
    return bytes.dropFirst().dropLast().split(separator: UInt8(ascii: "}"))
      .compactMap { part in
        part.firstIndex(of: UInt8(ascii: "{")).flatMap {
          LineMembers(part[$0...] + [UInt8(ascii: "}")])
        }
      }
  }

  /// Bytes again of what stands between the quotes of a string. `\u00HH` is one byte: that is how
  /// Waybill writes what is no UTF-8.
  private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    var position = text.startIndex
    while position < text.endIndex {
      let byte = text[position]
      position += 1
      guard byte == UInt8(ascii: "\\"), position < text.endIndex else {
        bytes.append(byte)
        continue
      }
      let code = text[position]
      position += 1
      guard code == UInt8(ascii: "u"), position + 4 <= text.endIndex,
        let value = UInt32(
          String(decoding: text[position..<(position + 4)], as: UTF8.self), radix: 16)
      else {
        bytes.append(LineMembers.control(code))
        continue
      }
      position += 4
      if let byte = UInt8(exactly: value) {
        bytes.append(byte)
      } else {
        bytes += String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8
      }
    }
    return bytes
  }

  private static func control(_ code: UInt8) -> UInt8 {
    switch code {
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "t"): 0x09
    default: code
    }
  }
}
