/// Immutable tables in memory that an `Arena` owns: what a conf file compiles to.
///
/// An `Array` field costs a retain and a release at each touch; these cost a pointer. They are
/// plain values without an owner, so whoever reads one must hold the arena (the plan) alive.

/// A table of trivial values in an arena.
@safe
public struct FrozenArray<Element: BitwiseCopyable>: @unchecked Sendable, BitwiseCopyable {
  @usableFromInline let base: UnsafePointer<Element>?
  /// Number of elements.
  public let count: Int

  @unsafe @usableFromInline init(base: UnsafePointer<Element>?, count: Int) {
    unsafe self.base = base
    self.count = count
  }

  /// The table without elements.
  @inlinable public static var empty: FrozenArray { unsafe FrozenArray(base: nil, count: 0) }

  /// True when there is no element.
  @inlinable public var isEmpty: Bool { count == 0 }

  /// The valid indices.
  @inlinable public var indices: Range<Int> { 0..<count }

  /// The element at `index`; traps when there is none.
  @inlinable public subscript(index: Int) -> Element {
    // An address, not a value: who wants one field of an element must not pay for all of it.
    @inline(__always) unsafeAddress {
      precondition(index >= 0 && index < count, "FrozenArray index out of range")
      return unsafe base.unsafelyUnwrapped + index
    }
  }

  /// Where an element lies, for who looks into it often. Valid while the arena lives.
  @inlinable @unsafe public func address(of index: Int) -> UnsafePointer<Element> {
    precondition(index >= 0 && index < count, "FrozenArray index out of range")
    return unsafe base.unsafelyUnwrapped + index
  }

  /// The table of the first `count` elements, which must be there.
  @inlinable public func prefix(_ count: Int) -> FrozenArray {
    precondition(count >= 0 && count <= self.count, "FrozenArray prefix out of range")
    return unsafe FrozenArray(base: base, count: count)
  }

  /// The table of the elements from `index` on, which must not be beyond the end.
  @inlinable public func suffix(from index: Int) -> FrozenArray {
    precondition(index >= 0 && index <= count, "FrozenArray suffix out of range")
    guard index < count else { return .empty }
    return unsafe FrozenArray(base: base.unsafelyUnwrapped + index, count: count &- index)
  }

  /// The elements in place. Valid while the arena lives.
  @inlinable public var span: Span<Element> {
    @_lifetime(borrow self)
    borrowing get {
      let elements = unsafe UnsafeBufferPointer(start: base, count: count)
      return unsafe _overrideLifetime(elements.span, borrowing: self)
    }
  }
}

/// Bytes in an arena.
public typealias FrozenBytes = FrozenArray<UInt8>

/// Owns the memory of frozen tables, and the objects whose addresses stand in them; frees all of it
/// at once.
@safe
public final class Arena {
  private var blocks: [UnsafeMutableRawPointer] = unsafe []
  private var objects: [AnyObject] = []

  /// An arena without tables.
  public init() {}

  deinit {
    for index in unsafe blocks.indices { unsafe blocks[index].deallocate() }
  }

  /// Copies `elements` into the arena.
  public func freeze<Element: BitwiseCopyable>(_ elements: [Element]) -> FrozenArray<Element> {
    guard !elements.isEmpty else { return .empty }
    let memory = UnsafeMutablePointer<Element>.allocate(capacity: elements.count)
    unsafe elements.withUnsafeBufferPointer { source in
      unsafe memory.initialize(from: source.baseAddress!, count: elements.count)
    }
    unsafe blocks.append(UnsafeMutableRawPointer(memory))
    return unsafe FrozenArray(base: UnsafePointer(memory), count: elements.count)
  }

  /// Keeps `object` alive as long as the arena.
  public func keep(_ object: AnyObject) { objects.append(object) }

  /// Copies the UTF-8 bytes of `text` into the arena.
  public func freeze(_ text: String) -> FrozenBytes {
    freeze(Array(text.utf8))
  }
}
