// What RFC 9110 and 9112 say about any head that a parser accepts, written down a second time and
// in the plainest way: nothing here is shared with the parsers.

import Basics
import HTTP

/// How often the fields that frame and route a message came, and what they said.
struct FramingCount {
  var contentLengths = 0
  var transferEncodings = 0
  var hosts = 0
  /// The number that Content-Length gives, digit by digit.
  var length: UInt64 = 0
}

/// Checks each line of an accepted field section that ends at `byteCount`.
func checkFields(
  _ fields: borrowing FieldSection, _ bytes: Span<UInt8>, byteCount: Int
) throws(Violation) {
  var end = 0
  for index in 0..<fields.count {
    let line = fields[index]
    let (name, value) = (line.name.offsets, line.value.offsets)
    try expect(
      name.lowerBound >= end && name.upperBound < value.lowerBound + (value.isEmpty ? 1 : 0)
        && value.upperBound + 2 <= byteCount, "field lines follow each other within the head")
    end = value.upperBound
    try expect(isToken(bytes.extracting(name)), "a field name is a token")
    try expect(isFieldValue(bytes.extracting(value)), "a field value has no control or outer blank")
    try checkKnown(line.known, bytes.extracting(name))
  }
}

/// Counts the fields that frame a message, and checks what they say.
func countFraming(
  _ fields: borrowing FieldSection, _ bytes: Span<UInt8>
) throws(Violation) -> FramingCount {
  var counted = FramingCount()
  for index in 0..<fields.count {
    let line = fields[index]
    try count(
      bytes.extracting(line.name.offsets), bytes.extracting(line.value.offsets), in: &counted)
  }
  return counted
}

/// Checks that a name was recognised if and only if it is one of the known ones.
private func checkKnown(_ known: FieldName, _ name: Span<UInt8>) throws(Violation) {
  guard known == .other else {
    return try expect(isSpelled(name, known.canonicalName), "a known name is spelled like itself")
  }
  guard name.count < knownNames.count else { return }
  for other in knownNames[name.count] where isSpelled(name, other) {
    throw Violation(rule: "a known name is recognised")
  }
}

/// The names that Waybill knows, by their lengths.
private let knownNames: [[StaticString]] = {
  let names = FieldName.allCases.filter { $0 != .other }.map(\.canonicalName)
  let longest = names.map(\.utf8CodeUnitCount).max() ?? 0
  return (0...longest).map { count in names.filter { $0.utf8CodeUnitCount == count } }
}()

private func count(
  _ name: Span<UInt8>, _ value: Span<UInt8>, in counted: inout FramingCount
) throws(Violation) {
  if isSpelled(name, "Host") { counted.hosts += 1 }
  if isSpelled(name, "Transfer-Encoding") {
    counted.transferEncodings += 1
    try expect(isSpelled(value, "chunked"), "the transfer coding is exactly chunked")
  }
  guard isSpelled(name, "Content-Length") else { return }
  counted.contentLengths += 1
  try expect(!value.isEmpty, "Content-Length is not empty")
  for index in value.indices {
    let byte = value[index]
    try expect(byte >= 0x30 && byte <= 0x39, "Content-Length has digits alone")
    let (product, overflow) = counted.length.multipliedReportingOverflow(by: 10)
    counted.length = product &+ UInt64(byte - 0x30)
    try expect(!overflow && counted.length <= UInt64(Int64.max), "Content-Length takes 63 bits")
  }
}

/// Checks that an accepted head has one meaning only: where its content ends (RFC 9112 section 6).
func checkFraming(
  _ counted: FramingCount, _ version: HTTPVersion, isChunked: Bool, length: UInt64?
) throws(Violation) {
  try expect(counted.transferEncodings <= 1, "Transfer-Encoding comes at most once")
  try expect(counted.contentLengths <= 1, "Content-Length comes at most once")
  try expect(
    counted.transferEncodings == 0 || counted.contentLengths == 0,
    "Transfer-Encoding and Content-Length never come together")
  try expect(
    counted.transferEncodings == 0 || version == .http11, "HTTP/1.0 has no transfer coding")
  try expect(isChunked == (counted.transferEncodings == 1), "the head says that it is chunked")
  try expect(length == (counted.contentLengths == 1 ? counted.length : nil), "the head's length")
}

/// Checks that an accepted head ends with an empty line and has none before (`start` is where the
/// start line begins), and that each of its lines ends with CR LF.
func checkLineEnds(_ bytes: Span<UInt8>, from start: Int, byteCount: Int) throws(Violation) {
  var emptyLines = 0
  var lineStart = start
  for index in start..<byteCount {
    let byte = bytes[index]
    try expect(byte != 0, "a head has no NUL")
    if byte == 0x0D {
      try expect(index + 1 < byteCount && bytes[index + 1] == 0x0A, "a head has no bare CR")
    }
    guard byte == 0x0A else { continue }
    try expect(index > start && bytes[index - 1] == 0x0D, "a head has no bare LF")
    emptyLines += index - 1 == lineStart ? 1 : 0
    lineStart = index + 1
  }
  try expect(emptyLines == 1 && lineStart == byteCount, "a head ends with its only empty line")
}

/// True when `text` is `literal` but for the case of ASCII letters. False for an empty literal.
func isSpelled(_ text: Span<UInt8>, _ literal: StaticString) -> Bool {
  guard text.count == literal.utf8CodeUnitCount, !text.isEmpty else { return false }
  for index in text.indices where lowercase(text[index]) != lowercase(literal.utf8Start[index]) {
    return false
  }
  return true
}

private func lowercase(_ byte: UInt8) -> UInt8 {
  byte >= 0x41 && byte <= 0x5A ? byte + 0x20 : byte
}

/// True for a token (RFC 9110 section 5.6.2).
func isToken(_ text: Span<UInt8>) -> Bool {
  for index in text.indices where !isTokenByte(text[index]) { return false }
  return !text.isEmpty
}

private func isTokenByte(_ byte: UInt8) -> Bool {
  switch byte {
  case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
  case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"),
    UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
    UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "_"),
    UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
    true
  default: false
  }
}

/// True for a field value without optional white space around it (RFC 9110 section 5.5).
func isFieldValue(_ text: Span<UInt8>) -> Bool {
  guard !text.isEmpty else { return true }
  for end in [text[0], text[text.count - 1]] where end == 0x20 || end == 0x09 { return false }
  for index in text.indices where isControl(text[index]) && text[index] != 0x09 { return false }
  return true
}

/// True for the control characters of ASCII.
func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }
