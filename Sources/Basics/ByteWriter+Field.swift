/// Field lines in one step: a head is mostly these, and one check for room serves all four parts.

extension ByteWriter {
  /// Appends `name: value` and CR LF, or nothing when not all of it fits.
  @inlinable public mutating func appendField(_ name: Span<UInt8>, _ value: Span<UInt8>) {
    let nameCount = name.count
    let valueCount = value.count
    guard let target = unsafe reserve(nameCount &+ valueCount &+ 4) else { return }
    // Safe: `reserve` has just made room for both parts and the four bytes around them.
    unsafe ByteWriter.copy(name, to: target)
    unsafe ByteWriter.separate(target + nameCount)
    unsafe ByteWriter.copy(value, to: target + (nameCount &+ 2))
    unsafe ByteWriter.endLine(target + (nameCount &+ valueCount &+ 2))
  }

  /// Does the same with a value held in place. It is `inout` to be read where it is: a borrowed one
  /// would be copied whole.
  @inlinable public mutating func appendField<let capacity: Int>(
    _ name: Span<UInt8>, _ value: inout InlineBytes<capacity>
  ) {
    let count = value.used
    // Safe: the bytes are read before the access ends.
    unsafe withUnsafeMutableBytes(of: &value.storage) { bytes in
      let span = unsafe bytes.bindMemory(to: UInt8.self).span
      appendField(name, span.extracting(0..<count))
    }
  }

  /// Appends `name: value` and CR LF, or nothing when not all of it fits.
  @inlinable public mutating func appendField(_ name: StaticString, _ value: Span<UInt8>) {
    let nameCount = name.utf8CodeUnitCount
    let valueCount = value.count
    guard let target = unsafe reserve(nameCount &+ valueCount &+ 4) else { return }
    unsafe ByteWriter.copy(name, to: target)
    unsafe ByteWriter.separate(target + nameCount)
    unsafe ByteWriter.copy(value, to: target + (nameCount &+ 2))
    unsafe ByteWriter.endLine(target + (nameCount &+ valueCount &+ 2))
  }

  /// Appends `name: value` and CR LF, or nothing when not all of it fits. Always inlined, because
  /// then both lengths are constants and the copy a few stores.
  @inlinable @inline(__always)
  public mutating func appendField(_ name: StaticString, _ value: StaticString) {
    let nameCount = name.utf8CodeUnitCount
    let valueCount = value.utf8CodeUnitCount
    guard let target = unsafe reserve(nameCount &+ valueCount &+ 4) else { return }
    unsafe ByteWriter.copy(name, to: target)
    unsafe ByteWriter.separate(target + nameCount)
    unsafe ByteWriter.copy(value, to: target + (nameCount &+ 2))
    unsafe ByteWriter.endLine(target + (nameCount &+ valueCount &+ 2))
  }

  /// Appends `name: `, or nothing when not all of it fits.
  @inlinable @inline(__always) public mutating func beginField(_ name: StaticString) {
    let count = name.utf8CodeUnitCount
    guard let target = unsafe reserve(count &+ 2) else { return }
    unsafe ByteWriter.copy(name, to: target)
    unsafe ByteWriter.separate(target + count)
  }

  /// Copies all of `bytes` to `target`, which must have room for them.
  @inlinable @inline(__always) @unsafe
  static func copy(_ bytes: Span<UInt8>, to target: UnsafeMutablePointer<UInt8>) {
    unsafe bytes.withUnsafeBufferPointer { source in
      guard let start = source.baseAddress else { return }
      unsafe ByteCopy.copy(from: start, to: target, count: source.count)
    }
  }

  /// Copies the bytes of `literal` to `target`, which must have room for them.
  @inlinable @inline(__always) @unsafe
  static func copy(_ literal: StaticString, to target: UnsafeMutablePointer<UInt8>) {
    // Not `update`, which asks first whether the two overlap: at a literal of known length that
    // asking costs more than the copy.
    unsafe UnsafeMutableRawPointer(target)
      .copyMemory(from: literal.utf8Start, byteCount: literal.utf8CodeUnitCount)
  }

  /// Writes what stands between a field's name and its value.
  @inlinable @inline(__always) @unsafe
  static func separate(_ target: UnsafeMutablePointer<UInt8>) {
    unsafe target[0] = 0x3A
    unsafe target[1] = 0x20
  }

  /// Writes CR LF.
  @inlinable @inline(__always) @unsafe
  static func endLine(_ target: UnsafeMutablePointer<UInt8>) {
    unsafe target[0] = 0x0D
    unsafe target[1] = 0x0A
  }
}
