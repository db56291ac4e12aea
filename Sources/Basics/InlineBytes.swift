/// Up to `capacity` bytes held in place, for short values that outlive the buffer they came from
/// (a request ID, a kept field value). Copies whole; holds no reference.
public struct InlineBytes<let capacity: Int>: Sendable, BitwiseCopyable {
  @usableFromInline var storage: InlineArray<capacity, UInt8>
  /// Bytes held.
  public private(set) var count: Int

  /// No bytes.
  public init() {
    storage = InlineArray(repeating: 0)
    count = 0
  }

  /// True when no byte is held.
  @inlinable public var isEmpty: Bool { count == 0 }

  /// The bytes held.
  @inlinable public var span: Span<UInt8> {
    @_lifetime(borrow self)
    borrowing get { storage.span.extracting(0..<count) }
  }

  /// Forgets all bytes.
  public mutating func removeAll() { count = 0 }

  /// Takes the first `capacity` bytes of `bytes` in place of what was held.
  public mutating func assign(_ bytes: Span<UInt8>) {
    count = 0
    append(bytes)
  }

  /// Appends as many of `bytes` as still fit.
  public mutating func append(_ bytes: Span<UInt8>) {
    let amount = min(bytes.count, capacity &- count)
    for index in 0..<amount { storage[count &+ index] = bytes[index] }
    count &+= amount
  }

  /// Appends one byte if it still fits.
  public mutating func append(_ byte: UInt8) {
    guard count < capacity else { return }
    storage[count] = byte
    count &+= 1
  }
}
