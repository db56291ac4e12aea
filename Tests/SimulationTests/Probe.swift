import Basics
import HTTP
import Platform
import Simulation

/// A program that does what a test tells it, call by call.
struct Probe {
  let world: SimulatedWorld
  let kernel: SimulatedKernel

  init(_ world: SimulatedWorld) {
    self.world = world
    kernel = SimulatedKernel(world)
  }

  /// Waits at most `limit`, and reports the events.
  func events(
    within limit: Interval = .milliseconds(10), room: Int = 64
  ) -> [UInt64: KernelEvent.Readiness] {
    var found: [UInt64: KernelEvent.Readiness] = [:]
    for event in eventList(within: limit, room: room) { found[event.token] = event.readiness }
    return found
  }

  /// The same in order.
  func eventList(within limit: Interval = .milliseconds(10), room: Int = 64) -> [KernelEvent] {
    var storage = Array(
      repeating: KernelEvent(token: 0, readiness: []), count: room)
    let count = storage.withUnsafeMutableBufferPointer {
      kernel.wait(into: $0, until: kernel.now() + limit)
    }
    return Array(storage.prefix(count))
  }

  /// Lets time pass, whatever events there are on the way. Edges are used up.
  func pass(_ duration: Interval) {
    let end = kernel.now() + duration
    while kernel.now() < end { _ = eventList(within: end - kernel.now()) }
  }

  func read(_ descriptor: Descriptor, room: Int = 4096) -> ReadOutcome {
    var storage = [UInt8](repeating: 0, count: room)
    let result = storage.withUnsafeMutableBytes { kernel.read(descriptor, into: $0) }
    switch result {
    case .bytes(let count): return .text(String(decoding: storage.prefix(count), as: UTF8.self))
    case .end: return .end
    case .wouldBlock: return .wouldBlock
    case .failed(let error): return .failed(error.code)
    }
  }

  func write(_ descriptor: Descriptor, _ texts: String...) -> WriteOutcome {
    let parts = texts.map { Array($0.utf8) } + [[], [], []]
    let result = parts[0].withUnsafeBytes { first in
      parts[1].withUnsafeBytes { second in
        parts[2].withUnsafeBytes { kernel.write(descriptor, WriteParts(first, second, $0)) }
      }
    }
    switch result {
    case .bytes(let count): return .taken(count)
    case .wouldBlock: return .wouldBlock
    case .failed(let error): return .failed(error.code)
    }
  }

  func writeLog(_ descriptor: Descriptor, _ text: String) -> WriteOutcome {
    switch Array(text.utf8).withUnsafeBytes({ kernel.writeLog(descriptor, $0) }) {
    case .bytes(let count): .taken(count)
    case .wouldBlock: .wouldBlock
    case .failed(let error): .failed(error.code)
    }
  }

  func openLog(_ path: String, standard: Int32 = 0) -> Descriptor? {
    let arena = Arena()
    guard
      case .opened(let log) = kernel.openLog(
        path: arena.freeze(path), standard: standard, relayed: nil)
    else { return nil }
    return log
  }

  /// Begins a connect; nil when it fails at once.
  func connect(to location: Location) -> Descriptor? {
    switch connectResult(to: location) {
    case .connected(let descriptor), .inProgress(let descriptor): descriptor
    case .failed: nil
    }
  }

  func connectResult(to location: Location) -> ConnectResult {
    let arena = Arena()
    var path = ""
    if case .unix(let name) = location { path = name }
    let frozen = arena.freeze(path)
    return withExtendedLifetime(arena) { kernel.connect(to: location.address, unixPath: frozen) }
  }

  /// Accepts the connection that waits at `listener`.
  func accept(_ listener: Descriptor) -> Descriptor? {
    guard case .connection(let descriptor, _) = kernel.accept(listener) else { return nil }
    return descriptor
  }
}

enum ReadOutcome: Equatable {
  case text(String)
  case end
  case wouldBlock
  case failed(Int32)
}

enum WriteOutcome: Equatable {
  case taken(Int)
  case wouldBlock
  case failed(Int32)
}

let frontDoor = Location.ipv4(127, 0, 0, 1, port: 80)
let origin = Location.ipv4(10, 0, 0, 1, port: 8000)

extension SimulatedWorld {
  /// A world with one client, whose connection the program has accepted and does not watch yet.
  static func accepted(
    seed: UInt64 = 1, faults: Faults = .none, network: NetworkSettings = NetworkSettings(),
    _ actions: [PeerAction]
  ) -> (probe: Probe, connection: Descriptor, client: ClientID) {
    let world = SimulatedWorld(seed: seed, faults: faults, network: network)
    let probe = Probe(world)
    let listener = world.listen(on: frontDoor)
    let client = world.addClient(to: frontDoor, actions)
    _ = probe.kernel.watchListener(listener, token: 99)
    _ = probe.events()
    probe.kernel.unwatch(listener)
    guard let connection = probe.accept(listener) else { preconditionFailure("no connection") }
    return (probe, connection, client)
  }
}
