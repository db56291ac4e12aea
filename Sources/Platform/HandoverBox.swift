// How one worker leaves something to another: without waiting for it, and without asking whether it
// has ended meanwhile.

/// Where things lie that are meant for one worker, until it takes them. Any thread puts.
///
/// A box that is closed passes on to its heirs what is put into it, and those to theirs: whoever
/// holds an old box reaches those who serve now.
public final class HandoverBox<Item: Sendable, Label: Sendable>: Sendable {
  private struct Content: Sendable {
    var items: [Item] = []
    var isClosed = false
    var heirs: [HandoverBox] = []
    /// How often an heir was chosen.
    var choices = 0
  }

  /// What its owner says of itself to those who put.
  public let label: Label
  private let content = Guarded(Content())
  private let wake: @Sendable () -> Void

  /// An empty box. `wake` tells its owner that something lies here.
  public init(_ label: Label, wake: @escaping @Sendable () -> Void) {
    self.label = label
    self.wake = wake
  }

  /// Those who are given what is put here once the box is closed, in turns.
  public var heirs: [HandoverBox] {
    get { content.withLock { $0.heirs } }
    set { content.withLock { $0.heirs = newValue } }
  }

  /// One of those who would take what is put here once this box is closed; nil when there is none.
  public var heir: HandoverBox? {
    var next = heirs.first
    while let box = next {
      let (isClosed, heirs) = box.content.withLock { ($0.isClosed, $0.heirs) }
      if !isClosed { return box }
      next = heirs.first
    }
    return nil
  }

  /// Puts something here, or into the box of an heir when this one is closed. False when nobody
  /// will take it any more.
  public func put(_ item: Item) -> Bool {
    var box = self
    while true {
      let next: HandoverBox? = box.content.withLock { content in
        guard content.isClosed else {
          content.items.append(item)
          return box
        }
        guard !content.heirs.isEmpty else { return nil }
        content.choices &+= 1
        return content.heirs[content.choices % content.heirs.count]
      }
      guard let next else { return false }
      if next === box {
        box.wake()
        return true
      }
      box = next
    }
  }

  /// Takes what lies here, the oldest first, at most `limit`; `isEmpty` says whether that was all.
  public func take(atMost limit: Int) -> (items: [Item], isEmpty: Bool) {
    content.withLock { content in
      let items = Array(content.items.prefix(limit))
      content.items.removeFirst(items.count)
      return (items, content.items.isEmpty)
    }
  }

  /// Tells the owner again that something lies here.
  public func wakeOwner() { wake() }

  /// Closes the box; returns what nobody has taken.
  public func close() -> [Item] {
    content.withLock { content in
      content.isClosed = true
      defer { content.items = [] }
      return content.items
    }
  }
}
