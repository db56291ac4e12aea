import Basics
import Testing

@Suite struct InstantTests {
  @Test func addsAndSubtracts() {
    let start = Instant(nanoseconds: 5)
    #expect(start + .seconds(1) == Instant(nanoseconds: 1_000_000_005))
    #expect(start + .milliseconds(2) - start == .milliseconds(2))
    #expect(start - (start + .seconds(1)) == Interval(nanoseconds: 0))
    #expect(start + .endless == .never)
    #expect(Instant.never + .seconds(1) == .never)
    #expect(start < start + .milliseconds(1) && start < .never)
    #expect(Interval(nanoseconds: 1_999).microseconds == 1)
    #expect(Interval.milliseconds(999) < .seconds(1) && Interval.seconds(9) < .endless)
  }
}

@Suite struct ByteRangeTests {
  @Test func tellsOffsets() {
    #expect(ByteRange(start: 3, count: 4).offsets == 3..<7)
    #expect(ByteRange.empty.isEmpty && ByteRange(start: 3, count: 0).isEmpty)
    #expect(!ByteRange(start: 0, count: 1).isEmpty)
    #expect(MemoryLayout<ByteRange>.size == 8)
  }
}

@Suite struct ArenaTests {
  @Test func freezesTables() {
    let arena = Arena()
    let numbers = arena.freeze([3, 1, 2])
    let text = arena.freeze("waybill")
    #expect(numbers.indices.map { numbers[$0] } == [3, 1, 2])
    #expect(text.count == 7 && text[0] == UInt8(ascii: "w"))
    let last = text.span[6]
    #expect(last == UInt8(ascii: "l"))
    let emptyCount = FrozenArray<Int>.empty.span.count
    #expect(arena.freeze([Int]()).isEmpty && emptyCount == 0)
    withExtendedLifetime(arena) {}
  }

  @Test func trapsOutOfRange() async {
    await #expect(processExitsWith: .failure) {
      let arena = Arena()
      let numbers = arena.freeze([1])
      _ = numbers[1]
    }
  }
}
