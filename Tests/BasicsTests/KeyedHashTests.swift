import Basics
import Testing

@Suite struct KeyedHashTests {
  private func hash(_ bytes: [UInt8], _ first: UInt64 = 1, _ second: UInt64 = 2) -> UInt64 {
    KeyedHash(first, second).hash(bytes.span)
  }

  @Test func dependsOnEachByteAndOnTheLength() {
    var seen: Set<UInt64> = []
    for count in 0..<40 {
      let bytes = [UInt8](repeating: 0, count: count)
      #expect(seen.insert(hash(bytes)).inserted)
      for index in 0..<count {
        var other = bytes
        other[index] = 1
        #expect(seen.insert(hash(other)).inserted)
      }
    }
  }

  @Test func dependsOnTheKey() {
    let bytes = Array("a key".utf8)
    #expect(hash(bytes) == hash(bytes))
    #expect(hash(bytes) != hash(bytes, 1, 3))
    #expect(hash(bytes) != hash(bytes, 3, 2))
  }

  /// Each bit of the outcome is set about as often as not.
  @Test func isEven() {
    var counts = [Int](repeating: 0, count: 64)
    for number in 0..<4096 {
      let value = hash([UInt8(number & 255), UInt8(number >> 8)])
      for bit in 0..<64 where value >> UInt64(bit) & 1 == 1 { counts[bit] += 1 }
    }
    for count in counts { #expect((1800...2300).contains(count)) }
  }
}
