// What is left to a worker reaches it, or those that took its place.

import Basics
import Glibc
import Platform
import Testing

@Suite struct HandoverBoxTests {
  private typealias Box = HandoverBox<Int, String>

  @Test func whatIsPutIsTakenInOrder() {
    let wakes = Taken()
    let box = Box("a") { wakes.add(.inherit) }
    #expect((1...3).allSatisfy { box.put($0) })
    #expect(wakes.commands == .inherit)
    let (some, isAll) = box.take(atMost: 2)
    #expect(some == [1, 2] && !isAll)
    let (rest, isEmpty) = box.take(atMost: 2)
    #expect(rest == [3] && isEmpty)
  }

  /// What is put into a closed box goes to its heirs in turns, through any number of closed ones.
  @Test func aClosedBoxPassesOn() {
    let first = Box("first") {}
    let middle = Box("middle") {}
    let last = [Box("x") {}, Box("y") {}]
    #expect(first.put(1))
    first.heirs = [middle]
    middle.heirs = last
    #expect(first.heir === middle)
    #expect(first.close() == [1])
    #expect(middle.close() == [])
    #expect(first.heir === last[0])
    #expect((1...4).allSatisfy { first.put($0) })
    #expect(last.map { $0.take(atMost: 9).items.count } == [2, 2])
  }

  @Test func withoutHeirsNobodyTakesIt() {
    let box = Box("a") {}
    _ = box.close()
    #expect(!box.put(1) && box.heir == nil)
  }

  @Test func numbersAreGivenOnce() {
    let numbers = ConnectionNumbers()
    let first = numbers.takeBlock()
    let second = numbers.takeBlock()
    #expect(first.lowerBound == 1 && first.upperBound == second.lowerBound && second.count > 0)
  }
}
