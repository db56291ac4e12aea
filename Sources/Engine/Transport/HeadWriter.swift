import Basics
import HTTP

/// Writes the head of a message, or its trailer section: what stands in it, not how it is sent.
///
/// Field lines lie behind each other in memory, ended by an empty one, as HTTP/1.1 sends them. A
/// session (`isFieldList`) takes them field by field (`HeadFields`); there what the first line of
/// HTTP/1 says is in fields whose names begin with a colon (RFC 9113 section 8.3).
struct HeadWriter {
  /// What has been written. A field's value is appended between `beginField` and `endField`.
  var lines: ByteWriter
  let isFieldList: Bool

  /// A writer behind what `lines` holds, for the side of an exchange that is to get it.
  @inline(__always) init(_ lines: ByteWriter, for stream: StreamPointer) {
    self.lines = lines
    isFieldList = stream.pointee.isMultiplexed
  }

  var count: Int { lines.count }
  var overflowed: Bool { lines.overflowed }

  // MARK: What the first line says

  /// Begins a response of Waybill's own.
  @inline(__always) mutating func beginResponse(_ status: UInt16) {
    guard isFieldList else { return lines.appendStatusLine(status: status) }
    beginFieldList(status)
  }

  /// Begins a response with a backend's status and reason.
  @inline(__always) mutating func beginResponse(_ status: UInt16, reason: Span<UInt8>) {
    guard !isFieldList else { return beginFieldList(status) }
    lines.append("HTTP/1.1 ")
    lines.append(decimal: UInt64(status))
    lines.append(0x20)
    lines.append(reason)
    lines.append("\r\n")
  }

  @inline(never) private mutating func beginFieldList(_ status: UInt16) {
    lines.append(":status: ")
    lines.append(decimal: UInt64(status), width: 3)
    lines.append("\r\n")
  }

  /// Begins a request whose method and target are those of `bytes`, where the target follows the
  /// method behind one space.
  @inline(__always) mutating func beginRequest(
    _ bytes: Span<UInt8>, method: ByteRange, target: ByteRange
  ) {
    guard !isFieldList else {
      appendField(":method", bytes.extracting(method.offsets))
      return appendField(":path", bytes.extracting(target.offsets))
    }
    lines.append(bytes.extracting(Int(method.start)..<target.offsets.upperBound))
    lines.append(" HTTP/1.1\r\n")
  }

  /// Begins a request; its method is appended to `lines` before `endMethod`.
  mutating func beginMethod() {
    if isFieldList { lines.append(":method: ") }
  }

  /// Ends the method; the target is appended to `lines` before `endTarget`.
  mutating func endMethod() {
    lines.append(isFieldList ? "\r\n:path: " : " ")
  }

  mutating func endTarget() {
    lines.append(isFieldList ? "\r\n" : " HTTP/1.1\r\n")
  }

  /// Says which authority a request is for. Nothing but the method and the target may be before it.
  mutating func appendAuthority(_ authority: Span<UInt8>) {
    if isFieldList {
      appendField(":authority", authority)
    } else {
      appendField("Host", authority)
    }
  }

  /// Begins the trailer section, with which the content ends.
  mutating func beginTrailers() {
    if !isFieldList { lines.append("0\r\n") }
  }

  // MARK: Fields

  @inline(__always) mutating func appendField(_ name: Span<UInt8>, _ value: Span<UInt8>) {
    lines.appendField(name, value)
  }

  @inline(__always) mutating func appendField<let capacity: Int>(
    _ name: Span<UInt8>, _ value: inout InlineBytes<capacity>
  ) {
    lines.appendField(name, &value)
  }

  @inline(__always) mutating func appendField(_ name: StaticString, _ value: Span<UInt8>) {
    lines.appendField(name, value)
  }

  @inline(__always) mutating func appendField(_ name: StaticString, _ value: StaticString) {
    lines.appendField(name, value)
  }

  /// Appends a field whose value is a number.
  @inline(__always) mutating func appendField(_ name: StaticString, decimal value: UInt64) {
    beginField(name)
    lines.append(decimal: value)
    endField()
  }

  /// Begins a field; returns where its value begins.
  @discardableResult @inline(__always) mutating func beginField(_ name: StaticString) -> Int {
    lines.beginField(name)
    return lines.count
  }

  @discardableResult @inline(__always) mutating func beginField(_ name: Span<UInt8>) -> Int {
    lines.append(name)
    lines.append(": ")
    return lines.count
  }

  @inline(__always) mutating func endField() { lines.append("\r\n") }

  /// Appends a whole field line, its end included, that was composed before.
  mutating func appendLine(_ line: Span<UInt8>) { lines.append(line) }

  /// Forgets everything behind `count`, and that something did not fit.
  mutating func truncate(to count: Int) { lines.truncate(to: count) }

  /// Passes on a line of the section that `bytes` was parsed into, at the latest by `flush`.
  @inline(__always) mutating func pass(
    _ line: FieldLine, of bytes: Span<UInt8>, _ run: inout FieldRun
  ) {
    run.add(line, of: bytes, into: &lines)
  }

  @inline(__always) mutating func flush(_ run: inout FieldRun, of bytes: Span<UInt8>) {
    run.flush(bytes, into: &lines)
  }

  /// Ends the head. It leaves with what is sent next to `stream`.
  @inline(__always) mutating func end(for stream: StreamPointer) {
    lines.append("\r\n")
    if isFieldList { stream.pointee.headCount &+= 1 }
  }
}

/// The fields of a head that a `HeadWriter` has written, one by one.
struct HeadFields {
  private var rest: UnsafeRawBufferPointer
  /// The head's bytes, its end included, once `next` has returned nil.
  private(set) var byteCount = 0

  /// Those of the head at the front of `bytes`.
  init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

  /// The next field; nil behind the last one.
  mutating func next() -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)? {
    guard let lineEnd = rest.firstIndex(of: 0x0d), lineEnd + 1 < rest.count else {
      preconditionFailure("HeadFields: the head has no end")
    }
    let line = rest[..<lineEnd]
    rest = UnsafeRawBufferPointer(rebasing: rest[(lineEnd + 2)...])
    byteCount += lineEnd + 2
    guard !line.isEmpty else { return nil }
    // Names that begin with a colon have no other one.
    guard let colon = line.dropFirst().firstIndex(of: 0x3a) else {
      preconditionFailure("HeadFields: a line without a name")
    }
    return (
      UnsafeRawBufferPointer(rebasing: line[..<colon]),
      UnsafeRawBufferPointer(rebasing: line[(colon + 2)...])
    )
  }
}
