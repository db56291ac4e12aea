/// Fixed memory for the objects of one kind: connections, exchanges.
///
/// An object never moves, so pointers to it stay valid while its slot is taken. A slot that was
/// never taken has never been touched: the memory of a large table costs nothing until it is used.
/// Slots that were given back are taken again first, the last one first, because it is still in
/// cache.
struct Slots<Element: ~Copyable>: ~Copyable {
  /// Number of slots.
  let capacity: Int
  /// Slots taken now.
  private(set) var count = 0

  private let base: UnsafeMutablePointer<Element>
  private let free: UnsafeMutablePointer<UInt32>
  private var freeCount = 0
  private var touchedCount = 0

  init(capacity: Int) {
    precondition(capacity > 0 && capacity < Int(UInt32.max), "Slots.capacity out of range")
    self.capacity = capacity
    base = .allocate(capacity: capacity)
    free = .allocate(capacity: capacity)
  }

  deinit {
    base.deinitialize(count: touchedCount)
    base.deallocate()
    free.deallocate()
  }

  /// Takes a slot; nil when all are taken. A slot taken for the first time is set to what `initial`
  /// makes for its place; one taken again holds what it held, so the caller resets it.
  mutating func take(initial: (UnsafeMutablePointer<Element>) -> Element) -> (
    slot: UInt32, element: UnsafeMutablePointer<Element>
  )? {
    if freeCount > 0 {
      freeCount &-= 1
      count &+= 1
      let slot = free[freeCount]
      return (slot, base + Int(slot))
    }
    guard touchedCount < capacity else { return nil }
    let slot = UInt32(touchedCount)
    touchedCount &+= 1
    count &+= 1
    let element = base + Int(slot)
    element.initialize(to: initial(element))
    return (slot, element)
  }

  /// Gives a slot back.
  mutating func release(_ slot: UInt32) {
    precondition(Int(slot) < touchedCount, "release: no such slot")
    precondition(freeCount < touchedCount && count > 0, "Slots.release without take")
    free[freeCount] = slot
    freeCount &+= 1
    count &-= 1
  }

  /// The object in a slot that has been taken at least once; nil for any other number.
  func element(at slot: UInt32) -> UnsafeMutablePointer<Element>? {
    Int(slot) < touchedCount ? base + Int(slot) : nil
  }

  /// Slots that have been taken at least once: the range worth walking.
  var touched: Range<UInt32> { 0..<UInt32(touchedCount) }
}
