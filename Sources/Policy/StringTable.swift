import Basics
import HTTP

/// A hash table of strings in which ASCII letters of both cases are equal: the keys of a `map`. The
/// cost of a look-up depends on the string's length only.
public struct StringTable: Sendable, BitwiseCopyable {
  /// A slot.
  public struct Entry: Sendable, BitwiseCopyable {
    /// The key in lowercase.
    var key: FrozenBytes
    /// What belongs to it; -1: the slot is free.
    var value: Int32
    /// The upper half of the key's hash: few other keys need to be compared.
    var check: UInt32

    static var free: Entry { Entry(key: .empty, value: -1, check: 0) }
  }

  /// A power of two of slots, at most half of them taken; or none.
  private var slots: FrozenArray<Entry>
  /// The shortest and the longest key: all others need no look.
  private var shortest: Int
  private var longest: Int

  /// The table without keys.
  public static var empty: StringTable { StringTable(slots: .empty) }

  private init(slots: FrozenArray<Entry>) {
    self.slots = slots
    shortest = 0
    longest = 0
  }

  /// The table of `keys`, in the memory of `arena`. Of equal ones the first counts.
  public init(_ keys: [(key: [UInt8], value: Int32)], arena: Arena) {
    let counts = keys.map(\.key.count)
    shortest = counts.min() ?? 0
    longest = counts.max() ?? 0
    guard !keys.isEmpty else {
      slots = .empty
      return
    }
    var count = 2
    while count < keys.count * 2 { count *= 2 }
    var table = Array(repeating: Entry.free, count: count)
    for (key, value) in keys {
      let lowercase = key.map { FoldedHash.fold($0) }
      let hash = FoldedHash.of(lowercase.span)
      var slot = Int(truncatingIfNeeded: hash) & (count - 1)
      var isNew = true
      while isNew && table[slot].value >= 0 {
        if StringTable.isEqual(table[slot].key.span, lowercase.span) { isNew = false }
        slot = (slot + 1) & (count - 1)
      }
      guard isNew else { continue }
      table[slot] = Entry(
        key: arena.freeze(lowercase), value: value, check: UInt32(hash >> 32))
    }
    slots = arena.freeze(table)
  }

  /// What belongs to `key`, in whatever case; -1 for nothing.
  public func find(_ key: Span<UInt8>) -> Int {
    guard !slots.isEmpty, key.count >= shortest, key.count <= longest else { return -1 }
    let hash = FoldedHash.of(key)
    let check = UInt32(hash >> 32)
    var slot = Int(truncatingIfNeeded: hash) & (slots.count &- 1)
    while slots[slot].value >= 0 {
      if slots[slot].check == check, StringTable.isEqual(slots[slot].key.span, key) {
        return Int(slots[slot].value)
      }
      slot = (slot &+ 1) & (slots.count &- 1)
    }
    return -1
  }

  /// True when `other` is `lowercase` in whatever case.
  private static func isEqual(_ lowercase: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
    guard lowercase.count == other.count else { return false }
    for index in lowercase.indices where lowercase[index] != FoldedHash.fold(other[index]) {
      return false
    }
    return true
  }
}

/// A hash of bytes without regard to the case of ASCII letters. It needs no secret: only the conf
/// file decides what stands in tables.
private enum FoldedHash {
  @inline(__always) static func fold(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
  }

  /// FNV-1a over bytes that look alike in both cases, mixed once more because the lower bits choose
  /// the slot.
  static func of(_ bytes: Span<UInt8>) -> UInt64 {
    var state: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in bytes.indices {
      // Setting one bit makes letters of both cases equal, and few others.
      state = (state ^ UInt64(bytes[index] | 0x20)) &* 0x0000_0100_0000_01B3
    }
    state ^= state >> 32
    state = state &* 0x9E37_79B9_7F4A_7C15
    return state ^ (state >> 29)
  }
}
