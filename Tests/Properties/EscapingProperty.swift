import Basics
import HTTP
import Telemetry

/// What a stranger's bytes become in a log line, an error page and a path: nothing that could leave
/// its place, and, where that is promised, nothing that can't be read back.
final class EscapingProperty: Property {
  private let written = Scratch()
  private let again = Scratch()

  func check(_ input: Span<UInt8>) throws(Violation) {
    var pieces = Pieces(input)
    try checkStandard(input)
    try checkJSON(input)
    try checkNone(input)
    try checkPath(input)
    // Long and all alike but for the ID, which is escaped as above.
    if pieces.happens(onceIn: 16) { try checkPages(input) }
    _ = ContentNegotiation.preferred(accept: input)
  }

  // MARK: Log lines

  private func checkStandard(_ input: Span<UInt8>) throws(Violation) {
    written.clear()
    written.writer.appendEscaped(input, .standard)
    let output = written.written.span
    for index in output.indices {
      let byte = output[index]
      try expect(byte >= 0x20 && byte < 0x7F && byte != 0x22, "standard escaping is printable")
    }
    try checkReversible(input, "\\x")
  }

  private func checkJSON(_ input: Span<UInt8>) throws(Violation) {
    written.clear()
    written.writer.appendEscaped(input, .json)
    let output = written.written.span
    for index in output.indices {
      try expect(!isControl(output[index]), "JSON escaping leaves no control")
    }
    guard let text = String(validating: written.written, as: UTF8.self) else {
      throw Violation(rule: "JSON escaping leaves UTF-8")
    }
    try expect(
      !text.unicodeScalars.contains { $0.isInvisible }, "JSON escaping leaves nothing invisible")
    let isPlain = !String(decoding: input.indices.map { input[$0] }, as: UTF8.self).unicodeScalars
      .contains { $0.isInvisible && $0.value > 0x7F }
    if isPlain { try checkReversible(input, "\\u00") }
  }

  /// What was written stands for `input` and for nothing else; `start` begins an escape.
  private func checkReversible(_ input: Span<UInt8>, _ start: StaticString) throws(Violation) {
    again.clear()
    try expect(unescape(written.written.span, start), "there are no other escapes")
    try expect(isEqual(again.written.span, input), "escaping is reversible")
  }

  private func checkNone(_ input: Span<UInt8>) throws(Violation) {
    written.clear()
    written.writer.appendEscaped(input, .none)
    let output = written.written.span
    for index in output.indices {
      try expect(!isControl(output[index]), "no escaping leaves a control")
    }
    let text = String(decoding: output.indices.map { output[$0] }, as: UTF8.self)
    try expect(
      !text.unicodeScalars.contains { $0.isInvisible }, "no escaping leaves nothing invisible")
  }

  /// Appends to `again` what `text` stands for; `start` begins an escape of two digits, and a
  /// backslash one of a quote or a backslash. False at any other backslash.
  private func unescape(_ text: Span<UInt8>, _ start: StaticString) -> Bool {
    let count = start.utf8CodeUnitCount
    var position = 0
    while position < text.count {
      guard text[position] == UInt8(ascii: "\\") else {
        again.writer.append(text[position])
        position += 1
        continue
      }
      guard position + 1 < text.count else { return false }
      let next = text[position + 1]
      if next == UInt8(ascii: "\\") || next == UInt8(ascii: "\"") {
        again.writer.append(next)
        position += 2
        continue
      }
      guard position + count + 2 <= text.count,
        isSpelled(text.extracting(position..<(position + count)), start),
        let high = digit(text[position + count]), let low = digit(text[position + count + 1])
      else { return false }
      again.writer.append(high << 4 | low)
      position += count + 2
    }
    return true
  }

  // MARK: Error pages

  /// An ID that escaped all other checks still stays in its place in an error page.
  private func checkPages(_ input: Span<UInt8>) throws(Violation) {
    let status = 400 + UInt16(input.isEmpty ? 0 : input[0])
    written.clear()
    ErrorBody.write(format: .json, status: status, requestID: input, into: &written.writer)
    try expect(StrictJSON.isValid(Array(written.written)), "a JSON error page is JSON")
    try checkPage(.text, status, input, "no control but line ends is in a text page") { byte in
      !isControl(byte) || byte == 0x0A
    }
    let marks = try checkPage(.html, status, input, "no control but line ends is in HTML") { byte in
      (!isControl(byte) || byte == 0x0A) && byte < 0x80
    }
    let own = try checkPage(.html, status, input.extracting(0..<0), "no ID") { _ in
      true
    }
    // The ID adds `<p>`, `<code>` and their ends.
    try expect(marks == own + (input.isEmpty ? 0 : 8), "an ID brings no mark-up into HTML")
  }

  /// Writes a page, checks each byte, and counts what begins or ends mark-up.
  @discardableResult
  private func checkPage(
    _ format: ErrorBodyFormat, _ status: UInt16, _ requestID: Span<UInt8>, _ rule: StaticString,
    _ isAllowed: (UInt8) -> Bool
  ) throws(Violation) -> Int {
    written.clear()
    ErrorBody.write(format: format, status: status, requestID: requestID, into: &written.writer)
    try expect(!written.writer.overflowed, "a page fits")
    var marks = 0
    for byte in written.written {
      try expect(isAllowed(byte), rule)
      if byte == UInt8(ascii: "<") || byte == UInt8(ascii: ">") { marks += 1 }
    }
    return marks
  }

  // MARK: Paths

  /// A normal path has no dot segment, no empty one and no NUL, is normal, and stays the same when
  /// it is escaped and normalised again.
  private func checkPath(_ input: Span<UInt8>) throws(Violation) {
    written.clear()
    let isValid = PathNormalization.normalize(input, into: &written.writer)
    if PathNormalization.isNormal(input) {
      try expect(isValid && isEqual(written.written.span, input), "a normal path is left alone")
    }
    guard isValid else { return }
    let path = written.written.span
    try expect(path.count <= input.count && path[0] == 0x2F, "a path begins with a slash")
    var start = 1
    for index in 1..<(path.count + 1) where index == path.count || path[index] == 0x2F {
      let segment = path.extracting(start..<index)
      try expect(!segment.isEmpty || index == path.count, "no segment is empty but the last")
      try expect(!isDots(segment), "no segment is a dot or two")
      start = index + 1
    }
    // No request has a NUL in its path; an escaped one would be refused.
    for index in path.indices where path[index] == 0 { return }
    again.clear()
    PathNormalization.encode(path, into: &again.writer)
    try checkEncoded(again.written.span)
    let encodedCount = again.written.count
    let encoded = again.mutable(from: 0, to: encodedCount)
    try expect(
      PathNormalization.normalize(encoded.span, into: &again.writer), "an escaped path is a path")
    let normal = UnsafeBufferPointer(again.mutable(from: encodedCount, to: again.writer.count))
    try expect(isEqual(normal.span, path), "an escaped path is the same path")
  }

  private func isDots(_ segment: Span<UInt8>) -> Bool {
    (segment.count == 1 || segment.count == 2) && segment[0] == 0x2E
      && segment[segment.count - 1] == 0x2E
  }

  private func checkEncoded(_ encoded: Span<UInt8>) throws(Violation) {
    for index in encoded.indices {
      let byte = encoded[index]
      try expect(
        byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "?") && byte != UInt8(ascii: "#")
          && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "<"),
        "an escaped path may stand in a request line")
    }
  }

  private func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    default: nil
    }
  }
}
