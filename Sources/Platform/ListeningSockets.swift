// The sockets that clients connect to: opened before the workers start and before privileges are
// dropped, so that a port that is taken or forbidden is an error of the start, not of some worker.
// They outlive the workers: when the configuration is replaced its listeners keep their sockets,
// and with them the connections that wait there.

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
  /// True when an IPv6 address takes connections over IPv4, too.
  public var isDualStack: Bool

  /// The address given.
  public init(
    address: PeerAddress, unixPath: String = "", backlog: Int32 = 511, inheritedName: String = "",
    isDualStack: Bool = false
  ) {
    self.address = address
    self.unixPath = unixPath
    self.backlog = backlog
    self.inheritedName = inheritedName
    self.isDualStack = isDualStack
  }

  /// The address as in a `listen` directive.
  public var text: String {
    if !inheritedName.isEmpty { return "systemd:" + inheritedName }
    return unixPath.isEmpty ? address.text : "unix:" + unixPath
  }

  /// True when the other one means the same socket.
  func isSamePlace(as other: ListenAddress) -> Bool {
    address == other.address && unixPath == other.unixPath && inheritedName == other.inheritedName
  }
}

/// An address that could not be listened on.
public struct ListenError: Error, Equatable, Sendable {
  /// One line for the operator: `listen 127.0.0.1:80: permission denied`.
  public var message: String
  /// True when somebody listens there, who may be this service itself.
  public var isInUse = false
}

/// The listening sockets of all workers.
///
/// For each TCP address there is a socket for each worker (SO_REUSEPORT; the kernel spreads the
/// connections), and never fewer than before: who waits at a socket that is closed would be reset.
/// A unix socket is one for all. So is one that the service manager has opened: the manager holds
/// it, too, so that a connection that waits at it outlives this process.
///
/// Those that a former process has passed on are taken over, all of them: the connections that wait
/// at one that nobody took would be lost. A worker may so have several for one address, or share
/// one with another worker.
public struct ListeningSockets: Sendable {
  /// The sockets of one address.
  private struct Place: Sendable {
    var address: ListenAddress
    /// With the port that the system chose where port 0 was asked for.
    var bound: PeerAddress
    var sockets: [Descriptor]
    /// All workers have the same socket.
    var isShared: Bool
    var file: OwnFile?
    /// A former process has opened it.
    var isTaken = false
    /// The service manager has opened it.
    var isManagers = false

    /// Those of one worker: its share, or one that it shares with another.
    func sockets(ofWorker worker: Int, of workers: Int) -> [Descriptor] {
      guard !isShared, worker < sockets.count else { return [sockets[worker % sockets.count]] }
      return stride(from: worker, to: sockets.count, by: workers).map { sockets[$0] }
    }
  }

  private var places: [Place] = []
  /// What the service manager has opened.
  private let managers: [PassedDescriptor]

  /// Opens all `addresses` for `workers` workers, but for those that were `inherited` and those
  /// that are open in `former` already. When one fails nothing new stays open.
  public init(
    _ addresses: [ListenAddress], workers: Int,
    inherited: InheritedSockets = InheritedSockets(), keeping former: ListeningSockets? = nil
  ) throws(ListenError) {
    managers = inherited.managers
    do throws(ListenError) {
      // All probes come first: an address of ours would disturb the probe for a wider one.
      for address in addresses where former?.holds(address) != true {
        let isOurs = inherited.sockets(for: address).isEmpty && address.inheritedName.isEmpty
        let isNear = former?.holdsPort(of: address) == true
        if isOurs && !isNear && address.unixPath.isEmpty { try TCPListener.probe(address) }
      }
      for address in addresses {
        if let place = former?.places.first(where: { $0.address.isSamePlace(as: address) }) {
          places.append(place)
          try extend(places.count - 1, address, workers)
        } else {
          try open(address, inherited, workers)
        }
      }
    } catch {
      abandon(former)
      throw error
    }
  }

  /// Whether a socket could be opened for that address; leaves nothing behind. Nil when it could,
  /// and for one of the service manager's.
  public static func check(_ address: ListenAddress) -> ListenError? {
    if !address.inheritedName.isEmpty { return nil }
    if !address.unixPath.isEmpty { return UnixListener.check(address) }
    do throws(ListenError) {
      try TCPListener.probe(address)
      return nil
    } catch {
      return error
    }
  }

  /// The addresses bound, with the port that the system chose where port 0 was asked for.
  public var bound: [PeerAddress] { places.map(\.bound) }

  /// A socket for one worker.
  public struct Share: Sendable {
    /// The worker's own descriptor: it closes it.
    public var descriptor: Descriptor
    /// Which of the addresses it belongs to.
    public var address: Int
    /// True when the service manager has opened it, and keeps it open.
    public var isManagers: Bool
  }

  /// Sockets for one of `workers` workers, for each address at least one.
  public func shares(ofWorker worker: Int, of workers: Int) throws(ListenError) -> [Share] {
    var shares: [Share] = []
    for (index, place) in places.enumerated() {
      for socket in place.sockets(ofWorker: worker, of: workers) {
        let number = clinux_duplicate(socket.number)
        guard number >= 0 else {
          for share in shares { _ = clinux_close(share.descriptor.number) }
          throw ListenError(place.address, KernelError(result: Int(number)))
        }
        shares.append(
          Share(
            descriptor: Descriptor(number: number), address: index, isManagers: place.isManagers))
      }
    }
    return shares
  }

  /// The sockets of one of the workers that they were opened for, in the order of the addresses.
  /// They stay this value's own.
  public func descriptors(ofWorker worker: Int) -> [Descriptor] {
    places.map { $0.isShared ? $0.sockets[0] : $0.sockets[worker] }
  }

  /// What another process needs to listen in the place of this one. A unix socket whose file is
  /// gone is not among it: nobody could reach it.
  public var passedOn: [PassedDescriptor] {
    let known = Set(managers.map { FileIdentity(ofDescriptor: $0.descriptor.number) })
    let own = places.filter { $0.file?.isThere != false }.flatMap(\.sockets).filter {
      !known.contains(FileIdentity(ofDescriptor: $0.number))
    }
    return managers + own.map { PassedDescriptor($0) }
  }

  /// Closes what `others` don't hold, and removes the files of those unix sockets, unless somebody
  /// has put another in their place. The workers' descriptors stay open.
  public mutating func close(keeping others: ListeningSockets? = nil) {
    let kept = Set(others?.places.flatMap(\.sockets) ?? [])
    for place in places {
      if let socket = place.sockets.first, !kept.contains(socket) { place.file?.remove() }
      for socket in place.sockets where !kept.contains(socket) { _ = clinux_close(socket.number) }
    }
    places = []
  }

  /// Closes the sockets, and leaves the files of unix sockets where they are.
  public mutating func closeAll() {
    for place in places {
      for socket in place.sockets { _ = clinux_close(socket.number) }
    }
    for index in places.indices { places[index].sockets = [] }
  }

  /// Removes the files of the unix sockets, unless somebody has put another in their place. Those
  /// of sockets that were taken over stay, if they still belong to the former process.
  public func removeSocketFiles(andTakenOnes: Bool = true) {
    for place in places where andTakenOnes || !place.isTaken { place.file?.remove() }
  }

  /// Takes back what was begun: what a former process has opened is still its own.
  private mutating func abandon(_ former: ListeningSockets?) {
    places.removeAll(where: \.isTaken)
    close(keeping: former)
  }

  private func holds(_ address: ListenAddress) -> Bool {
    places.contains { $0.address.isSamePlace(as: address) }
  }

  /// True when a socket here has the port of that address, of another address: nobody else has it.
  private func holdsPort(of address: ListenAddress) -> Bool {
    places.contains { !$0.isShared && $0.bound.port == address.address.port }
  }

  /// Gives a place that is kept what the new configuration asks for.
  private mutating func extend(
    _ index: Int, _ address: ListenAddress, _ workers: Int
  ) throws(ListenError) {
    if places[index].address.backlog != address.backlog && address.inheritedName.isEmpty {
      for socket in places[index].sockets { _ = listen(socket.number, address.backlog) }
    }
    places[index].address = address
    guard !places[index].isShared else { return }
    var actual = address
    actual.address = places[index].bound
    while places[index].sockets.count < workers {
      places[index].sockets.append(try TCPListener.open(actual))
    }
  }

  private mutating func open(
    _ address: ListenAddress, _ inherited: InheritedSockets, _ workers: Int
  ) throws(ListenError) {
    let given = inherited.sockets(for: address)
    if given.contains(where: { $0.name == nil }) {
      takeOver(given.filter { $0.name == nil }.map(\.descriptor), address)
    } else if given.count > 1 {
      throw ListenError(
        message: "listen \(address.text): \(given.count) sockets were passed on instead of one")
    } else if given.count == 1 {
      // Accepted connections inherit it, as from our own.
      _ = clinux_set_option(given[0].descriptor.number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
      let number = clinux_duplicate(given[0].descriptor.number)
      guard number >= 0 else { throw ListenError(address, KernelError(result: Int(number))) }
      add(Descriptor(number: number), address, nil)
      places[places.count - 1].isManagers = true
    } else if !address.inheritedName.isEmpty {
      let names = inherited.names.isEmpty ? "there are none" : "available: \(inherited.names)"
      throw ListenError(
        message: "listen \(address.text): no socket with that name was passed on; \(names)")
    } else if address.unixPath.isEmpty {
      try openTCP(address, workers)
    } else {
      let (socket, file) = try UnixListener.open(address)
      add(socket, address, file)
    }
  }

  /// Takes the sockets that a former process has passed on. A fresh one beside them would take
  /// connections at once, and lose them if the former process goes on in the end.
  private mutating func takeOver(_ sockets: [Descriptor], _ address: ListenAddress) {
    for socket in sockets { _ = listen(socket.number, address.backlog) }
    places.append(
      Place(
        address: address, bound: TCPListener.address(of: sockets[0]), sockets: sockets,
        isShared: !address.unixPath.isEmpty,
        file: address.unixPath.isEmpty ? nil : OwnFile(path: address.unixPath), isTaken: true))
  }

  private mutating func openTCP(
    _ address: ListenAddress, _ workers: Int
  ) throws(ListenError) {
    let first = try TCPListener.open(address)
    places.append(
      Place(
        address: address, bound: TCPListener.address(of: first), sockets: [first],
        isShared: false))
    // With port 0 the first socket's port is everybody's.
    try extend(places.count - 1, address, workers)
  }

  private mutating func add(_ socket: Descriptor, _ address: ListenAddress, _ file: OwnFile?) {
    places.append(
      Place(
        address: address, bound: TCPListener.address(of: socket), sockets: [socket],
        isShared: true, file: file))
  }
}

extension ListenError {
  /// The failure of a system call for that address.
  init(_ address: ListenAddress, _ error: KernelError, hint: String = "") {
    message = "listen \(address.text): \(error.describe())\(hint)"
    isInUse = error.code == EADDRINUSE
  }
}
