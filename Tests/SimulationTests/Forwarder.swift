import Basics
import Platform
import Simulation

/// The smallest program that uses a kernel as the engine does: it accepts connections, makes one
/// upstream for each and relays bytes both ways.
///
/// It takes edge-triggered readiness at its word: after a short read or write it does nothing until
/// the next event. If the simulated kernel ever owed an event, a relay would hang here.
struct Forwarder {
  /// A connection and its upstream: side 0 and side 1.
  private struct Relay {
    var sides: [Descriptor]
    /// What was read from a side and not yet written to the other one.
    var pending: [[UInt8]] = [[], []]
    var hasEnd = [false, false]
    var hasPassedEnd = [false, false]
    /// The last event said that reading goes on to the end.
    var isPeerClosed = [false, false]
    var isOpen = true
  }

  let world: SimulatedWorld
  private let kernel: SimulatedKernel
  private let listener: Descriptor
  private var relays: [Relay] = []
  private var acceptsAgainAt = Instant.never
  private let listenerToken = UInt64.max - 1

  init(_ world: SimulatedWorld) {
    self.world = world
    kernel = SimulatedKernel(world)
    listener = world.listen(on: frontDoor)
    _ = kernel.watchListener(listener, token: listenerToken)
  }

  /// One turn of the event loop.
  mutating func turn() {
    var storage = [KernelEvent](
      repeating: KernelEvent(token: 0, readiness: []), count: 8)
    let kernel = kernel
    let deadline = min(acceptsAgainAt, kernel.now() + .seconds(5))
    let count = storage.withUnsafeMutableBufferPointer { kernel.wait(into: $0, until: deadline) }
    if kernel.now() >= acceptsAgainAt { resumeAccepting() }
    for event in storage.prefix(count) {
      if event.token == listenerToken { acceptAll() } else { handle(event) }
    }
  }

  private mutating func resumeAccepting() {
    acceptsAgainAt = .never
    _ = kernel.watchListener(listener, token: listenerToken)
  }

  private mutating func acceptAll() {
    while true {
      switch kernel.accept(listener) {
      case .connection(let descriptor, _): begin(descriptor)
      case .aborted: continue
      case .wouldBlock: return
      case .exhausted:
        kernel.unwatch(listener)
        acceptsAgainAt = kernel.now() + .milliseconds(100)
        return
      }
    }
  }

  private mutating func begin(_ downstream: Descriptor) {
    guard let upstream = Probe(world).connect(to: origin) else {
      return kernel.close(downstream)
    }
    let index = relays.count
    relays.append(Relay(sides: [downstream, upstream]))
    for side in 0...1
    where kernel.watch(relays[index].sides[side], token: UInt64(index * 2 + side)) != nil {
      return end(index)
    }
  }

  private mutating func handle(_ event: KernelEvent) {
    let (index, side) = (Int(event.token / 2), Int(event.token % 2))
    guard relays[index].isOpen else { return }
    if !event.readiness.isDisjoint(with: [.peerClosed, .failed]) {
      relays[index].isPeerClosed[side] = true
    }
    // Either side's news may let both directions go on.
    for from in 0...1 where relays[index].isOpen { move(index, from: from) }
    if relays[index].isOpen, relays[index].hasPassedEnd == [true, true] { end(index) }
  }

  /// Moves bytes from one side to the other until something has to wait.
  private mutating func move(_ index: Int, from: Int) {
    var mayRead = true
    while true {
      if !relays[index].pending[from].isEmpty {
        guard flush(index, from: from) else { return }
      } else if relays[index].hasEnd[from] {
        if !relays[index].hasPassedEnd[from] {
          relays[index].hasPassedEnd[from] = true
          kernel.shutdownWriting(relays[index].sides[1 - from])
        }
        return
      } else {
        guard mayRead, fill(index, from: from, mayReadOn: &mayRead) else { return }
      }
    }
  }

  private mutating func fill(_ index: Int, from: Int, mayReadOn: inout Bool) -> Bool {
    var storage = [UInt8](repeating: 0, count: 50)
    let kernel = kernel
    let descriptor = relays[index].sides[from]
    switch storage.withUnsafeMutableBytes({ kernel.read(descriptor, into: $0) }) {
    case .bytes(let count):
      relays[index].pending[from] = Array(storage.prefix(count))
      mayReadOn = count == storage.count || relays[index].isPeerClosed[from]
      return true
    case .end:
      relays[index].hasEnd[from] = true
      return true
    case .wouldBlock: return false
    case .failed:
      end(index)
      return false
    }
  }

  private mutating func flush(_ index: Int, from: Int) -> Bool {
    let (kernel, bytes) = (kernel, relays[index].pending[from])
    let target = relays[index].sides[1 - from]
    switch bytes.withUnsafeBytes({ kernel.write(target, WriteParts($0)) }) {
    case .bytes(let count):
      relays[index].pending[from].removeFirst(count)
      return relays[index].pending[from].isEmpty
    case .wouldBlock: return false
    case .failed:
      end(index)
      return false
    }
  }

  private mutating func end(_ index: Int) {
    relays[index].isOpen = false
    for descriptor in relays[index].sides { kernel.close(descriptor) }
  }
}
