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
/// Each worker has TCP sockets of its own on the same address (SO_REUSEPORT; the kernel spreads the
/// connections), and a descriptor of its own for each unix socket, which all share. A socket that
/// the service manager has opened is shared in the same way: the manager holds it, too, so that a
/// connection that waits at it outlives this process.
public struct ListeningSockets: Sendable {
  /// The addresses bound, with the port that the system chose where port 0 was asked for.
  public private(set) var bound: [PeerAddress] = []
  private var descriptors: [[Descriptor]]
  private var socketFiles: [OwnFile] = []

  /// Opens all `addresses` for `workers` workers, but for those that were `inherited`. When one
  /// fails nothing stays open.
  public init(
    _ addresses: [ListenAddress], workers: Int, inherited: InheritedSockets = InheritedSockets()
  ) throws(ListenError) {
    descriptors = Array(repeating: [], count: workers)
    do throws(ListenError) {
      // All probes come first: an address of ours would disturb the probe for a wider one.
      for address in addresses {
        let isOurs = inherited.sockets(for: address).isEmpty && address.inheritedName.isEmpty
        if isOurs && address.unixPath.isEmpty { try TCPListener.probe(address) }
      }
      for address in addresses { try open(address, inherited) }
    } catch {
      closeAll()
      removeSocketFiles()
      throw error
    }
  }

  /// The sockets of one worker, in the order of the addresses. The worker owns and closes them.
  public func descriptors(ofWorker worker: Int) -> [Descriptor] { descriptors[worker] }

  /// Closes what belongs to workers that never started.
  public mutating func closeAll() {
    for worker in descriptors.indices {
      for descriptor in descriptors[worker] { _ = clinux_close(descriptor.number) }
      descriptors[worker] = []
    }
  }

  /// Removes the files of the unix sockets, unless somebody has put another in their place.
  public func removeSocketFiles() {
    for file in socketFiles { file.remove() }
  }

  private mutating func open(
    _ address: ListenAddress, _ inherited: InheritedSockets
  ) throws(ListenError) {
    let given = inherited.sockets(for: address)
    if given.count > 1 {
      throw ListenError(
        message: "listen \(address.text): \(given.count) sockets were passed on, not one")
    } else if given.count == 1 {
      // Accepted connections inherit it, as from our own.
      _ = clinux_set_option(given[0].number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
      try share(given[0], address)
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
      let number = clinux_duplicate(socket.number)
      guard number >= 0 else {
        throw ListenError(address, KernelError(result: Int(number)))
      }
      descriptors[worker].append(Descriptor(number: number))
    }
    bound.append(TCPListener.address(of: socket))
  }
}

extension ListenError {
  /// The failure of a system call for that address.
  init(_ address: ListenAddress, _ error: KernelError, hint: String = "") {
    message = "listen \(address.text): \(error.describe())\(hint)"
  }
}
