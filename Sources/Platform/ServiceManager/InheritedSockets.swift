// Listening sockets that were opened before this process began: by the service manager, which keeps
// them open, so that clients wait and are not refused while nobody serves (sd_listen_fds(3)), or by
// the process whose place this one takes (a binary upgrade).

import CLinux
import Glibc
import HTTP

/// The sockets passed to this process.
public struct InheritedSockets: Sendable {
  /// One of them.
  struct Socket: Sendable {
    var descriptor: Descriptor
    /// `FileDescriptorName=` of the socket unit, its own name where that is not set; nil for a
    /// socket that a former process of ours has opened.
    var name: String?
    /// Where it listens.
    var address: PeerAddress
    /// The path that it listens at; empty for TCP.
    var unixPath: String

    /// True when clients of that address come here, too. `ListenStream=80` means all addresses of
    /// both families, `listen 80` those of IPv4: the one stands for the other. Our own are for one
    /// family.
    func standsIn(for wanted: PeerAddress) -> Bool {
      guard name != nil else { return false }
      let areWildcards = [address, wanted].allSatisfy { $0.high == 0 && $0.low == 0 }
      return areWildcards && address.port == wanted.port && wanted.family != .unix
    }
  }

  private(set) var sockets: [Socket] = []

  /// None.
  public init() {}

  /// The sockets that `predecessor` has passed on, or the stream sockets that `LISTEN_FDS` counts,
  /// if they are meant for this process. They are no longer passed on to others.
  public static func take(from predecessor: Predecessor? = nil) -> InheritedSockets {
    var inherited = InheritedSockets()
    for passed in predecessor?.descriptors ?? [] {
      inherited.take(passed.descriptor.number, passed.managersName)
    }
    defer { for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) } }
    guard EnvironmentVariable.number("LISTEN_PID") == Int(getpid()),
      let count = EnvironmentVariable.number("LISTEN_FDS"), count > 0, count < 1024
    else { return inherited }
    let names = (EnvironmentVariable.value("LISTEN_FDNAMES") ?? "").split(
      separator: ":", omittingEmptySubsequences: false)
    for index in 0..<count {
      inherited.take(first + Int32(index), index < names.count ? String(names[index]) : "")
    }
    return inherited
  }

  /// The sockets for an address: those of its name, or those that listen there.
  func sockets(for address: ListenAddress) -> [Socket] {
    if !address.inheritedName.isEmpty {
      return sockets.filter { $0.name == address.inheritedName }
    }
    if !address.unixPath.isEmpty { return sockets.filter { $0.unixPath == address.unixPath } }
    let streams = sockets.filter { $0.unixPath.isEmpty }
    let exact = streams.filter { $0.address == address.address }
    return exact.isEmpty ? streams.filter { $0.standsIn(for: address.address) } : exact
  }

  /// The names, for messages.
  var names: String {
    sockets.compactMap(\.name).map { $0.isEmpty ? "(none)" : $0 }.joined(separator: ", ")
  }

  /// Those that the service manager keeps open.
  var managers: [PassedDescriptor] {
    sockets.compactMap { socket in
      socket.name.map { PassedDescriptor(socket.descriptor, managersName: $0) }
    }
  }

  /// Ends what a former process has passed on and none of `addresses` stands for: the sockets, and
  /// the files of unix sockets.
  public func abandonAll(but addresses: [ListenAddress]) {
    let wanted = Set(addresses.flatMap { sockets(for: $0) }.map(\.descriptor))
    for socket in sockets where socket.name == nil && !wanted.contains(socket.descriptor) {
      if !socket.unixPath.isEmpty, let file = OwnFile(path: socket.unixPath), file.isSocket {
        file.remove()
      }
      _ = clinux_close(socket.descriptor.number)
    }
  }

  /// Forgets what a former process has passed on: it has been taken by now, and may be closed, its
  /// numbers another's.
  public mutating func forgetTaken() { sockets.removeAll { $0.name == nil } }

  /// The number of the first one, as everybody has agreed.
  private static let first: Int32 = 3

  private mutating func take(_ number: Int32, _ name: String?) {
    var type: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    guard getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &size) == 0,
      type == Int32(SOCK_STREAM.rawValue),
      fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK) == 0
    else { return }
    let descriptor = Descriptor(number: number)
    sockets.append(
      Socket(
        descriptor: descriptor, name: name, address: TCPListener.address(of: descriptor),
        unixPath: Self.path(of: number)))
  }

  /// The path of a unix socket; empty for any other.
  static func path(of number: Int32) -> String {
    var name = sockaddr_un()
    var size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = withUnsafeMutablePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(number, $0, &size)
      }
    }
    guard result == 0, name.sun_family == sa_family_t(AF_UNIX) else { return "" }
    return withUnsafeBytes(of: &name.sun_path) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
