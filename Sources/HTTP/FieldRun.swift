import Basics

/// Field lines that are forwarded as they came, gathered while they stand one behind the other.
///
/// Most lines of a head pass unchanged, so most of it is copied in one go instead of line by line.
public struct FieldRun {
  @usableFromInline var start = 0
  @usableFromInline var end = 0

  /// A run without lines.
  @inlinable public init() {}

  /// Forwards a line of the section that `bytes` was parsed into. It is written at the latest by
  /// `flush`.
  @inlinable @inline(__always)
  public mutating func add(
    _ line: FieldLine, of bytes: Span<UInt8>, into writer: inout ByteWriter
  ) {
    let valueStart = Int(line.valueStart)
    let lineEnd = valueStart &+ Int(line.valueCount)
    // One space before the value and no blank behind it: then the line is as it would be written.
    let isNormal =
      valueStart == Int(line.nameStart) &+ Int(line.nameCount) &+ 2
      && bytes[valueStart &- 1] == 0x20 && bytes[lineEnd] == 0x0d
    guard isNormal else { return addAnew(line, of: bytes, into: &writer) }
    if Int(line.nameStart) != end {
      flush(bytes, into: &writer)
      start = Int(line.nameStart)
    }
    end = lineEnd &+ 2
  }

  /// Writes the lines that have been gathered.
  public mutating func flush(_ bytes: Span<UInt8>, into writer: inout ByteWriter) {
    if start < end { writer.append(bytes.extracting(start..<end)) }
    start = end
  }

  /// Writes a line with other white space than one space before its value.
  @inline(never)
  @usableFromInline mutating func addAnew(
    _ line: FieldLine, of bytes: Span<UInt8>, into writer: inout ByteWriter
  ) {
    flush(bytes, into: &writer)
    writer.appendField(
      bytes.extracting(line.name.offsets), bytes.extracting(line.value.offsets))
  }
}
