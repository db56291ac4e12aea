import Basics

/// Where a timer lies; valid while its owner exists.
typealias TimerPointer = UnsafeMutablePointer<Timer>

/// A deadline of anything that the worker waits for, and its place in the timer wheel.
///
/// A timer lies in its owner and never moves while it stands in the wheel.
struct Timer: BitwiseCopyable {
  /// Who is concerned when the deadline comes.
  enum Owner: UInt8, BitwiseCopyable {
    /// The stream whose first field it is, and what waits at it.
    case stream
    /// The listeners: accepting goes on.
    case accepting
  }

  var next: TimerPointer?
  var previous: TimerPointer?
  /// The tick that it is filed under; 0 when it stands in no bucket.
  var tick: UInt64 = 0
  var deadline = Instant.never
  var owner: Owner

  init(_ owner: Owner) { self.owner = owner }

  /// True while it stands in the wheel.
  var isFiled: Bool { tick != 0 }
}

/// Finds the timers whose deadline has come, at a cost that does not depend on their number.
///
/// Two rings of 1,024 buckets: the first holds the ticks (1.05 ms each) of the next second, the
/// second whole turns of the first. Deadlines mostly move later (each request pushes its
/// connection's further away), so a later deadline is only stored in the timer, which moves when it
/// comes up and is found not to be due.
struct TimerWheel: ~Copyable {
  private static var bucketBits: UInt64 { 10 }
  private static var bucketCount: Int { 1024 }
  private static var bucketMask: UInt64 { 1023 }
  private static var tickBits: UInt64 { 20 }

  /// Nodes in the wheel.
  private(set) var count = 0
  private var current: UInt64
  private let near: UnsafeMutablePointer<TimerPointer?>
  private let far: UnsafeMutablePointer<TimerPointer?>
  private let nearOccupied = OccupiedBuckets()
  private let farOccupied = OccupiedBuckets()

  init(now: Instant) {
    current = now.nanoseconds >> TimerWheel.tickBits
    near = .allocate(capacity: TimerWheel.bucketCount)
    near.initialize(repeating: nil, count: TimerWheel.bucketCount)
    far = .allocate(capacity: TimerWheel.bucketCount)
    far.initialize(repeating: nil, count: TimerWheel.bucketCount)
  }

  deinit {
    near.deallocate()
    far.deallocate()
  }

  /// Sets a timer's deadline. Cheap when it is later than the one that it is filed under.
  mutating func setDeadline(_ timer: TimerPointer, _ deadline: Instant) {
    timer.pointee.deadline = deadline
    guard deadline != .never else { return }
    let tick = TimerWheel.tick(of: deadline)
    if timer.pointee.tick != 0 {
      if timer.pointee.filedTick <= tick { return }
      remove(timer)
    }
    insert(timer, tick: tick)
  }

  /// Takes a timer out.
  mutating func remove(_ timer: TimerPointer) {
    let node = timer.pointee
    guard node.tick != 0 else { return }
    assert(count > 0, "remove: the wheel is empty")
    let isNear = node.isNear
    let tick = node.filedTick
    let index = Int((isNear ? tick : tick >> TimerWheel.bucketBits) & TimerWheel.bucketMask)
    if let previous = node.previous {
      previous.pointee.next = node.next
    } else {
      setHead(isNear: isNear, index, node.next)
    }
    node.next?.pointee.previous = node.previous
    count &-= 1
    timer.pointee.next = nil
    timer.pointee.previous = nil
    timer.pointee.tick = 0
  }

  /// When the next node may be due; `never` when there is none.
  var nextDeadline: Instant {
    guard count > 0 else { return .never }
    let tick = firstOccupied(after: current) ?? firstOccupiedTurn() << TimerWheel.bucketBits
    return Instant(nanoseconds: tick << TimerWheel.tickBits)
  }

  /// Takes out one timer whose deadline has come; nil when there is none left. Call it until
  /// then.
  mutating func popDue(now: Instant) -> TimerPointer? {
    let target = now.nanoseconds >> TimerWheel.tickBits
    guard count > 0 else {
      current = max(current, target)
      return nil
    }
    while true {
      if let timer = near[Int(current & TimerWheel.bucketMask)] {
        let deadline = timer.pointee.deadline
        remove(timer)
        if deadline <= now {
          return timer
        }
        if deadline != .never { insert(timer, tick: TimerWheel.tick(of: deadline)) }
        continue
      }
      guard current < target else { return nil }
      step(towards: target)
    }
  }

  /// Moves to the next tick that can hold something, at most to `target`.
  private mutating func step(towards target: UInt64) {
    assert(current < target, "step: time goes back")
    let turnEnd = (current | TimerWheel.bucketMask) &+ 1
    let occupied = firstOccupied(after: current) ?? .max
    current = min(target, min(turnEnd, occupied))
    if current == turnEnd { moveDown() }
  }

  /// Files the far bucket whose turn has come under the ticks of the near ring.
  private mutating func moveDown() {
    let index = Int((current >> TimerWheel.bucketBits) & TimerWheel.bucketMask)
    while let timer = far[index] {
      let deadline = timer.pointee.deadline
      remove(timer)
      if deadline != .never { insert(timer, tick: TimerWheel.tick(of: deadline)) }
    }
  }

  private mutating func insert(_ timer: TimerPointer, tick requested: UInt64) {
    assert(!timer.pointee.isFiled, "insert: the timer stands in the wheel")
    // The tick under way has been searched already when it is the current one: file under the next.
    let tick = max(requested, current &+ 1)
    let currentTurn = current >> TimerWheel.bucketBits
    let isNear = tick >> TimerWheel.bucketBits == currentTurn
    let turn = min(tick >> TimerWheel.bucketBits, currentTurn &+ TimerWheel.bucketMask)
    let filed = isNear ? tick : turn << TimerWheel.bucketBits
    let index = Int((isNear ? tick : turn) & TimerWheel.bucketMask)
    let head = isNear ? near[index] : far[index]
    timer.pointee.file(under: filed, isNear: isNear, before: head)
    head?.pointee.previous = timer
    setHead(isNear: isNear, index, timer)
    count &+= 1
  }

  private mutating func setHead(isNear: Bool, _ index: Int, _ timer: TimerPointer?) {
    if isNear {
      near[index] = timer
      nearOccupied.set(index, timer != nil)
    } else {
      far[index] = timer
      farOccupied.set(index, timer != nil)
    }
  }

  /// The first tick behind `tick` in the same turn of the near ring whose bucket holds a node.
  private func firstOccupied(after tick: UInt64) -> UInt64? {
    guard let index = nearOccupied.first(from: Int(tick & TimerWheel.bucketMask) &+ 1) else {
      return nil
    }
    return (tick & ~TimerWheel.bucketMask) | UInt64(index)
  }

  /// The first turn of the near ring behind this one whose nodes wait in the far ring, which must
  /// hold some.
  private func firstOccupiedTurn() -> UInt64 {
    let turn = current >> TimerWheel.bucketBits
    let place = turn & TimerWheel.bucketMask
    let index = farOccupied.first(from: Int(place) &+ 1) ?? farOccupied.first(from: 0) ?? 0
    // A turn's bucket is empty while it is under way: a whole round ahead is the farthest.
    return turn &+ ((UInt64(index) &- place &- 1) & TimerWheel.bucketMask) &+ 1
  }

  /// The first tick at whose begin `deadline` is past.
  private static func tick(of deadline: Instant) -> UInt64 {
    (deadline.nanoseconds >> tickBits) &+ 1
  }
}

extension Timer {
  /// Files it under a tick (near ring), or under the first tick of a turn (far ring), before the
  /// first one that is there.
  fileprivate mutating func file(under filed: UInt64, isNear: Bool, before first: TimerPointer?) {
    // The lowest bit tells the rings apart; ticks are shifted to make room for it.
    tick = filed << 1 | (isNear ? 1 : 0)
    next = first
    previous = nil
  }

  fileprivate var isNear: Bool { tick & 1 == 1 }
  fileprivate var filedTick: UInt64 { tick >> 1 }
}
