// The fields of requests whose heads have come or are coming, behind each other.

/// Memory for heads. It is used again as soon as all of them have been taken.
struct HeadArena: ~Copyable {
  /// Field lines: two lengths of four bytes, the name, the value.
  private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 8)
  private(set) var count = 0

  deinit { memory.deallocate() }

  init() {}

  private static let lengthBytes = 8

  mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    let needed = Self.lengthBytes + name.count + value.count
    makeRoom(needed)
    memory.storeBytes(of: UInt32(name.count), toByteOffset: count, as: UInt32.self)
    memory.storeBytes(of: UInt32(value.count), toByteOffset: count + 4, as: UInt32.self)
    copy(name, to: count + Self.lengthBytes)
    copy(value, to: count + Self.lengthBytes + name.count)
    count += needed
  }

  private func copy(_ bytes: UnsafeRawBufferPointer, to offset: Int) {
    UnsafeMutableRawBufferPointer(rebasing: memory[offset..<offset + bytes.count])
      .copyMemory(from: bytes)
  }

  private mutating func makeRoom(_ needed: Int) {
    guard count + needed > memory.count else { return }
    var capacity = memory.count
    while count + needed > capacity { capacity *= 2 }
    let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 8)
    larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
    memory.deallocate()
    memory = larger
  }

  mutating func removeAll() { count = 0 }

  /// Calls `body` with each field of a head, in their order.
  func forEach(
    in place: HeadPlace, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
  ) {
    precondition(place.start + place.count <= count, "HeadArena: the head is gone")
    var offset = place.start
    while offset < place.start + place.count {
      let name = Int(memory.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      let value = Int(memory.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
      let start = offset + Self.lengthBytes
      body(
        UnsafeRawBufferPointer(rebasing: memory[start..<start + name]),
        UnsafeRawBufferPointer(rebasing: memory[start + name..<start + name + value]))
      offset = start + name + value
    }
  }
}
