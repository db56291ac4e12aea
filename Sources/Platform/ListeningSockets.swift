// The sockets that clients connect to: opened before the workers start and before privileges are
// dropped, so that a port that is taken or forbidden is an error of the start, not of some worker.

import CLinux
import Glibc
import HTTP

/// What to listen on.
public struct ListenAddress: Sendable {
  /// The address to bind; `.unix` for a unix socket.
  public var address: PeerAddress
  /// The unix socket's path; empty for TCP.
  public var unixPath: String
  /// `backlog=`: connections that may wait to be accepted.
  public var backlog: Int32
  /// The name of a socket that the service manager has opened; empty for one of ours.
  public var inheritedName: String

  /// The address given.
  public init(
    address: PeerAddress, unixPath: String = "", backlog: Int32 = 511, inheritedName: String = ""
  ) {
    self.address = address
    self.unixPath = unixPath
    self.backlog = backlog
    self.inheritedName = inheritedName
  }

  /// The address as in a `listen` directive.
  public var text: String {
    if !inheritedName.isEmpty { return "systemd:" + inheritedName }
    return unixPath.isEmpty ? address.text : "unix:" + unixPath
  }
}

/// An address that could not be listened on.
public struct ListenError: Error, Equatable, Sendable {
  /// One line for the operator: `listen 127.0.0.1:80: permission denied`.
  public var message: String
}

/// The listening sockets of all workers.
///
/// Those that a former process has passed on are taken over, all of them: the connections that wait
/// at one that nobody took would be lost. A worker may so have several for one address, or share
/// one with another worker.
///
/// Each worker has TCP sockets of its own on the same address (SO_REUSEPORT; the kernel spreads the
/// connections), and a descriptor of its own for each unix socket, which all share. A socket that
/// the service manager has opened is shared in the same way: the manager holds it, too, so that a
/// connection that waits at it outlives this process.
public struct ListeningSockets: Sendable {
  /// The addresses bound, with the port that the system chose where port 0 was asked for.
  public private(set) var bound: [PeerAddress] = []
  private var descriptors: [[Descriptor]]
  /// Further ones, each with the number of its address.
  private var further: [[(descriptor: Descriptor, number: Int)]]
  private var socketFiles: [OwnFile] = []
  /// The files of sockets that were taken over.
  private var takenFiles: [OwnFile] = []
  /// What the service manager has opened.
  private let managers: [PassedDescriptor]

  /// Opens all `addresses` for `workers` workers, but for those that were `inherited`. When one
  /// fails nothing stays open.
  public init(
    _ addresses: [ListenAddress], workers: Int, inherited: InheritedSockets = InheritedSockets()
  ) throws(ListenError) {
    descriptors = Array(repeating: [], count: workers)
    further = Array(repeating: [], count: workers)
    managers = inherited.managers
    do throws(ListenError) {
      // All probes come first: an address of ours would disturb the probe for a wider one.
      for address in addresses {
        let isOurs = inherited.sockets(for: address).isEmpty && address.inheritedName.isEmpty
        if isOurs && address.unixPath.isEmpty { try TCPListener.probe(address) }
      }
      for (number, address) in addresses.enumerated() { try open(address, number, inherited) }
    } catch {
      closeAll()
      for file in socketFiles { file.remove() }
      throw error
    }
  }

  /// The sockets of one worker, one for each address in their order, then further ones. The worker
  /// owns and closes them.
  public func descriptors(ofWorker worker: Int) -> [Descriptor] {
    descriptors[worker] + further[worker].map(\.descriptor)
  }

  /// For each of the sockets of one worker the number of its address.
  public func numbers(ofWorker worker: Int) -> [Int] {
    Array(descriptors[worker].indices) + further[worker].map(\.number)
  }

  /// What another process needs to listen in the place of this one, while the workers run. A unix
  /// socket whose file is gone is not among it: nobody could reach it.
  public var passedOn: [PassedDescriptor] {
    var passed = managers
    var known = Set(managers.map { FileIdentity(ofDescriptor: $0.descriptor.number) })
    for descriptor in descriptors.indices.flatMap({ descriptors(ofWorker: $0) }) {
      let isNew = known.insert(FileIdentity(ofDescriptor: descriptor.number)).inserted
      if isNew && isReachable(descriptor) { passed.append(PassedDescriptor(descriptor)) }
    }
    return passed
  }

  private func isReachable(_ descriptor: Descriptor) -> Bool {
    let path = InheritedSockets.path(of: descriptor.number)
    return path.isEmpty || (socketFiles + takenFiles).contains { $0.path == path && $0.isThere }
  }

  /// Closes what belongs to workers that never started.
  public mutating func closeAll() {
    for worker in descriptors.indices {
      for descriptor in descriptors(ofWorker: worker) { _ = clinux_close(descriptor.number) }
      descriptors[worker] = []
      further[worker] = []
    }
  }

  /// Removes the files of the unix sockets, unless somebody has put another in their place. Those
  /// of sockets that were taken over stay, if they still belong to the former process.
  public func removeSocketFiles(andTakenOnes: Bool = true) {
    for file in andTakenOnes ? socketFiles + takenFiles : socketFiles { file.remove() }
  }

  private mutating func open(
    _ address: ListenAddress, _ number: Int, _ inherited: InheritedSockets
  ) throws(ListenError) {
    let given = inherited.sockets(for: address)
    if given.contains(where: { $0.name == nil }) {
      try takeOver(given.filter { $0.name == nil }.map(\.descriptor), address, number)
    } else if given.count > 1 {
      throw ListenError(
        message: "listen \(address.text): \(given.count) sockets were passed on, not one")
    } else if given.count == 1 {
      // Accepted connections inherit it, as from our own.
      _ = clinux_set_option(given[0].descriptor.number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
      try share(given[0].descriptor, address)
    } else if !address.inheritedName.isEmpty {
      let names = inherited.names.isEmpty ? "none was" : "there are: \(inherited.names)"
      throw ListenError(
        message: "listen \(address.text): no socket of that name was passed on; \(names)")
    } else if address.unixPath.isEmpty {
      try openTCP(address)
    } else {
      try openUnix(address)
    }
  }

  /// Gives each worker one of the sockets that a former process has passed on, or a descriptor of
  /// another worker's. A fresh socket beside them would take connections at once, and lose them if
  /// the former process goes on in the end.
  private mutating func takeOver(
    _ sockets: [Descriptor], _ address: ListenAddress, _ number: Int
  ) throws(ListenError) {
    for socket in sockets { _ = listen(socket.number, address.backlog) }
    for worker in descriptors.indices {
      let socket = sockets[worker % sockets.count]
      descriptors[worker].append(worker < sockets.count ? socket : try copy(socket, address))
    }
    for (index, socket) in sockets.enumerated().dropFirst(descriptors.count) {
      further[index % descriptors.count].append((socket, number))
    }
    if let file = OwnFile(path: address.unixPath) { takenFiles.append(file) }
    bound.append(TCPListener.address(of: sockets[0]))
  }

  private mutating func openTCP(_ address: ListenAddress) throws(ListenError) {
    var actual = address
    for worker in descriptors.indices {
      let descriptor = try TCPListener.open(actual)
      descriptors[worker].append(descriptor)
      // With port 0 the first socket's port is everybody's.
      if worker == 0 { actual.address = TCPListener.address(of: descriptor) }
    }
    bound.append(actual.address)
  }

  private mutating func openUnix(_ address: ListenAddress) throws(ListenError) {
    let (first, file) = try UnixListener.open(address)
    defer { _ = clinux_close(first.number) }
    socketFiles.append(file)
    try share(first, address)
  }

  /// Gives each worker a descriptor of its own of a socket that all share.
  private mutating func share(
    _ socket: Descriptor, _ address: ListenAddress
  ) throws(ListenError) {
    for worker in descriptors.indices {
      descriptors[worker].append(try copy(socket, address))
    }
    bound.append(TCPListener.address(of: socket))
  }

  private func copy(
    _ socket: Descriptor, _ address: ListenAddress
  ) throws(ListenError) -> Descriptor {
    let number = clinux_duplicate(socket.number)
    guard number >= 0 else { throw ListenError(address, KernelError(result: Int(number))) }
    return Descriptor(number: number)
  }
}

extension ListenError {
  /// The failure of a system call for that address.
  init(_ address: ListenAddress, _ error: KernelError, hint: String = "") {
    message = "listen \(address.text): \(error.describe())\(hint)"
  }
}
