// What several threads compute, in the order of the numbers that it has.

import Synchronization

/// Hands on results one after the other, whichever thread is first.
final class OrderedResults<Value: Sendable>: Sendable {
  private struct Content {
    /// The number that is handed on next.
    var next: Int
    var waiting: [Int: Value?] = [:]
  }

  private let content: Mutex<Content>
  /// More than these don't wait: who is so far ahead does.
  private let most: Int
  private let take: @Sendable (Value) -> Void

  init(first: Int, most: Int, _ take: @escaping @Sendable (Value) -> Void) {
    content = Mutex(Content(next: first))
    self.most = most
    self.take = take
  }

  /// Takes the result with that number, or notes that there is none. Each number must come once.
  func deliver(_ value: Value?, number: Int) {
    while !accept(value, number) { MachineTime.sleep(milliseconds: 1) }
  }

  private func accept(_ value: Value?, _ number: Int) -> Bool {
    content.withLock { content in
      precondition(number >= content.next, "a result came twice")
      guard number == content.next || content.waiting.count < most else { return false }
      content.waiting.updateValue(value, forKey: number)
      while let result = content.waiting.removeValue(forKey: content.next) {
        content.next += 1
        if let result { take(result) }
      }
      return true
    }
  }
}
