/// Up to `capacity` bytes held in place, for short values that outlive the buffer they came from
/// (a request ID, a kept field value). Holds no reference.
///
/// Not copyable: of what is, the optimizer makes copies where nobody asked for one, and lends spans
/// of them that outlive them (Swift 6.3).
public struct InlineBytes<let capacity: Int>: Sendable, ~Copyable {
  @usableFromInline var storage: InlineArray<capacity, UInt8>
  @usableFromInline var used: Int

  /// No bytes.
  @inlinable public init() {
    storage = InlineArray(repeating: 0)
    used = 0
  }

  /// Bytes held.
  @inlinable public var count: Int { used }

  /// True when no byte is held.
  @inlinable public var isEmpty: Bool { used == 0 }

  /// The bytes held.
  @inlinable public var span: Span<UInt8> {
    @_lifetime(borrow self)
    borrowing get { storage.span.extracting(0..<used) }
  }

  /// Forgets all bytes.
  @inlinable public mutating func removeAll() { used = 0 }

  /// Takes the first `capacity` bytes of `bytes` in place of what was held.
  @inlinable public mutating func assign(_ bytes: Span<UInt8>) {
    used = 0
    append(bytes)
  }

  /// Takes a copy of another one's bytes in place of what was held.
  @inlinable public mutating func assign(_ other: borrowing InlineBytes) {
    storage = other.storage
    used = other.used
  }

  /// True when these are the bytes held.
  @inlinable public borrowing func equals(_ bytes: Span<UInt8>) -> Bool {
    guard bytes.count == used else { return false }
    for index in bytes.indices where storage[index] != bytes[index] { return false }
    return true
  }

  /// Appends as many of `bytes` as still fit.
  @inlinable public mutating func append(_ bytes: Span<UInt8>) {
    let amount = min(bytes.count, capacity &- used)
    guard amount > 0 else { return }
    let start = used
    var room = storage.mutableSpan
    // Safe: `amount` is at most what `bytes` holds and what is free behind `start`, and two
    // values that are accessed at the same time never overlap.
    unsafe room.withUnsafeMutableBufferPointer { target in
      unsafe bytes.withUnsafeBufferPointer { source in
        unsafe (target.baseAddress! + start).update(from: source.baseAddress!, count: amount)
      }
    }
    used = start &+ amount
  }

  /// Appends one byte if it still fits.
  @inlinable public mutating func append(_ byte: UInt8) {
    guard used < capacity else { return }
    storage[used] = byte
    used &+= 1
  }
}

extension ByteWriter {
  /// Appends the bytes held in place.
  @inlinable public mutating func append<let capacity: Int>(
    _ bytes: borrowing InlineBytes<capacity>
  ) {
    append(bytes.span)
  }
}
