import Basics

/// How a value gets into the output: as a log escapes it, or as a header or text takes it.
enum ValueForm: UInt8, BitwiseCopyable {
  /// `LogEscape.standard`
  case standard
  /// `LogEscape.json`
  case json
  /// `LogEscape.none`
  case none
  /// A field value or a text: controls other than HTAB become spaces, so that no value ends a line.
  case field
  /// As it is, for what is compared or looked up.
  case raw
  /// As it is, but numbered groups percent-encoded: for what `rewrite` writes into a query or a
  /// redirect.
  case rewritten

  init(_ escape: LogEscape) {
    switch escape {
    case .standard: self = .standard
    case .json: self = .json
    case .none: self = .none
    }
  }
}

/// Escaping: clean runs are copied whole, and only what is not clean is looked at byte by byte.
extension ByteWriter {
  /// Appends `bytes`, which nobody has vouched for, so that they can't leave their place in the
  /// line.
  ///
  /// With `.json` what comes out is always well-formed UTF-8: bytes that are not become `\u00HH`,
  /// and characters that are invisible `\uHHHH`. With `.none` the bytes of such characters, and
  /// what some terminals take for one, become `\xHH`.
  public mutating func appendEscaped(_ bytes: Span<UInt8>, _ escape: LogEscape) {
    append(bytes, as: ValueForm(escape))
  }

  /// Appends `bytes` as a field value takes them: controls other than HTAB become spaces.
  public mutating func appendFieldValue(_ bytes: Span<UInt8>) { append(bytes, as: .field) }

  /// Appends `bytes` as nginx escapes a group in a query: controls, spaces, `#`, `%`, `&`, `+`, `?`
  /// and what is not ASCII percent-encoded.
  mutating func appendArgument(_ bytes: Span<UInt8>) {
    for index in bytes.indices {
      switch bytes[index] {
      case ...0x20, 0x7F..., UInt8(ascii: "#"), UInt8(ascii: "%"), UInt8(ascii: "&"),
        UInt8(ascii: "+"), UInt8(ascii: "?"):
        appendEscape("%", bytes[index])
      default: append(bytes[index])
      }
    }
  }

  /// Appends `bytes` in the form asked for.
  mutating func append(_ bytes: Span<UInt8>, as form: ValueForm) {
    if form == .raw || CleanRun.isAll(of: bytes) {
      append(bytes)
    } else {
      appendRuns(bytes, as: form)
    }
  }

  /// Appends bytes of which not all are clean.
  @inline(never)
  private mutating func appendRuns(_ bytes: Span<UInt8>, as form: ValueForm) {
    if form == .raw || form == .rewritten { return append(bytes) }
    var start = 0
    var end = CleanRun.end(in: bytes, from: 0)
    while true {
      append(bytes.extracting(start..<end))
      guard end < bytes.count else { return }
      start = appendUnclean(bytes, at: end, as: form)
      end = CleanRun.end(in: bytes, from: start)
    }
  }

  /// Appends the character at `position`, which is not clean; returns where the next one begins.
  private mutating func appendUnclean(
    _ bytes: Span<UInt8>, at position: Int, as form: ValueForm
  ) -> Int {
    let byte = bytes[position]
    switch form {
    case .standard: appendEscape("\\x", byte)
    case .json: return appendJSON(bytes, at: position)
    case .none: return appendUnescaped(bytes, at: position)
    case .field, .raw, .rewritten:
      append(byte.isControl && byte != UInt8(ascii: "\t") ? UInt8(ascii: " ") : byte)
    }
    return position &+ 1
  }

  private mutating func appendJSON(_ bytes: Span<UInt8>, at position: Int) -> Int {
    let byte = bytes[position]
    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
      append(UInt8(ascii: "\\"))
      append(byte)
      return position &+ 1
    }
    let length = byte < 0x80 ? 0 : UTF8Sequence.length(in: bytes, at: position)
    guard length > 0 else {
      appendEscape("\\u00", byte)
      return position &+ 1
    }
    let scalar = UTF8Sequence.scalar(in: bytes, at: position, length: length)
    if scalar.isInvisible {
      appendJSONEscape(of: scalar)
    } else {
      append(bytes.extracting(position..<(position &+ length)))
    }
    return position &+ length
  }

  /// Appends `\uHHHH`, or two of them for what lies above U+FFFF (RFC 8259 section 7).
  private mutating func appendJSONEscape(of scalar: Unicode.Scalar) {
    let value = scalar.value
    guard value > 0xffff else { return appendJSONEscape(of: UInt16(value)) }
    appendJSONEscape(of: UInt16(0xd800 &+ ((value &- 0x10000) &>> 10)))
    appendJSONEscape(of: UInt16(0xdc00 &+ (value & 0x3ff)))
  }

  private mutating func appendJSONEscape(of unit: UInt16) {
    append("\\u")
    append(hexadecimalDigit(UInt8(unit &>> 12)))
    append(hexadecimalDigit(UInt8(unit &>> 8 & 15)))
    append(hexadecimalDigit(UInt8(unit &>> 4 & 15)))
    append(hexadecimalDigit(UInt8(unit & 15)))
  }

  /// Appends the character at `position` as it is, if it can be seen.
  private mutating func appendUnescaped(_ bytes: Span<UInt8>, at position: Int) -> Int {
    let byte = bytes[position]
    let length = byte < 0x80 ? 0 : UTF8Sequence.length(in: bytes, at: position)
    guard length > 0 else {
      // 0x80 to 0x9F are controls in ISO 8859-1.
      if byte.isControl || byte &- 0x80 < 0x20 { appendEscape("\\x", byte) } else { append(byte) }
      return position &+ 1
    }
    let isSeen = !UTF8Sequence.scalar(in: bytes, at: position, length: length).isInvisible
    for place in position..<(position &+ length) {
      if isSeen { append(bytes[place]) } else { appendEscape("\\x", bytes[place]) }
    }
    return position &+ length
  }

  /// Appends `prefix` and the two hexadecimal digits of `byte`, in capitals as nginx does.
  private mutating func appendEscape(_ prefix: StaticString, _ byte: UInt8) {
    append(prefix)
    append(hexadecimalDigit(byte &>> 4))
    append(hexadecimalDigit(byte & 15))
  }

  private func hexadecimalDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "A") &- 10 &+ value
  }
}

extension UInt8 {
  /// True for the control characters of ASCII, DEL included.
  @inline(__always) var isControl: Bool { self < 0x20 || self == 0x7f }
}
