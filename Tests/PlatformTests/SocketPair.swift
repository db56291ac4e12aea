// What the tests of sockets need: a kernel, connected pairs on the loopback, and a peer's side in
// plain blocking calls.

import Basics
import CLinux
import Glibc
import HTTP
import Platform
import Synchronization
import Testing

/// The loopback address with that port.
func loopback(_ port: UInt16) -> PeerAddress {
  PeerAddress(family: .ipv4, high: 0, low: 0x7f00_0001, port: port)
}

/// A kernel with a mailbox of its own.
func makeKernel() throws -> LinuxKernel { LinuxKernel(mailbox: try WorkerMailbox()) }

/// A kernel's connection to a peer that the test plays.
struct SocketPair {
  /// The kernel's end.
  var ours: Descriptor
  /// The test's end: blocking.
  var peer: Int32

  /// A TCP connection over the loopback, made by `connect` of the kernel.
  init(_ kernel: inout LinuxKernel) throws {
    let listener = try TestListener()
    ours = try #require(kernel.connect(to: listener.address, unixPath: .empty).descriptor)
    peer = Glibc.accept(listener.socket, nil, nil)
    try #require(peer >= 0)
  }

  /// Sends all of `text` from the peer's end.
  func peerSends(_ text: String) {
    let bytes = Array(text.utf8)
    #expect(Glibc.send(peer, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
  }

  /// What the peer gets with one call.
  func peerReceives() -> String {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = Glibc.recv(peer, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  /// Closes the peer's end, so that the kernel's sees a reset.
  func peerResets() {
    #expect(clinux_reset_on_close(peer) == 0)
    Glibc.close(peer)
  }

  /// Closes the peer's end.
  func peerCloses() { Glibc.close(peer) }
}

/// A listening socket of the test's, on a port that the system chose; blocking.
struct TestListener: ~Copyable {
  let socket: Int32
  let address: PeerAddress

  init(backlog: Int32 = 16) throws {
    var name = clinux_address()
    name.family = UInt16(AF_INET)
    name.bytes.0 = 127
    name.bytes.3 = 1
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
    try #require(clinux_bind(socket, &name) == 0)
    try #require(listen(socket, backlog) == 0)
    try #require(clinux_local_address(socket, &name) == 0)
    address = loopback(name.port)
  }

  deinit { Glibc.close(socket) }
}

/// A port that nobody listens at, and that nobody is given who asks the system for any: it hands
/// out those from 32768 on, to other tests as well.
func unusedPort() throws -> UInt16 {
  let tries = 200
  for _ in 0..<tries {
    let number = nextPort.wrappingAdd(1, ordering: .relaxed).oldValue
    let port = UInt16(12_000 + number % 20_000)
    if isFree(port) { return port }
  }
  throw KernelError(kind: .exhausted, code: EADDRINUSE)
}

private func isFree(_ port: UInt16) -> Bool {
  let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
  defer { Glibc.close(socket) }
  var name = clinux_address()
  name.family = UInt16(AF_INET)
  name.port = port
  return clinux_bind(socket, &name) == 0
}

/// Processes that test at the same time begin at different places.
private let nextPort = Atomic<Int>(Int(getpid()) * 97 % 20_000)

extension ConnectResult {
  /// The socket, when there is one.
  var descriptor: Descriptor? {
    switch self {
    case .connected(let made), .inProgress(let made): made
    case .failed: nil
    }
  }
}

extension LinuxKernel {
  /// Reads at most `limit` bytes; the text of them, or the result that is none.
  mutating func readText(_ descriptor: Descriptor, limit: Int = 100) -> (String?, ReadResult) {
    var bytes = [UInt8](repeating: 0, count: limit)
    let result = bytes.withUnsafeMutableBytes { read(descriptor, into: $0) }
    guard case .bytes(let count) = result else { return (nil, result) }
    return (String(decoding: bytes.prefix(count), as: UTF8.self), result)
  }

  /// Writes the texts as parts of one write.
  mutating func write(
    _ descriptor: Descriptor, _ first: String, _ second: String = "", _ third: String = ""
  ) -> WriteResult {
    let parts = [Array(first.utf8), Array(second.utf8), Array(third.utf8)]
    return parts[0].withUnsafeBytes { first in
      parts[1].withUnsafeBytes { second in
        parts[2].withUnsafeBytes { third in
          write(descriptor, WriteParts(first, second, third))
        }
      }
    }
  }

  /// The events of one `wait` that ends after `milliseconds` at the latest.
  mutating func events(within milliseconds: UInt64 = 1000, capacity: Int = 16) -> [KernelEvent] {
    let deadline = now() + .milliseconds(milliseconds)
    return [KernelEvent](unsafeUninitializedCapacity: capacity) { memory, count in
      count = wait(into: memory, until: deadline)
    }
  }

  /// The readiness reported for one token within a second.
  mutating func readiness(of token: UInt64, within milliseconds: UInt64 = 1000)
    -> KernelEvent.Readiness
  {
    events(within: milliseconds).filter { $0.token == token }
      .reduce([]) { $0.union($1.readiness) }
  }

  /// Accepts one connection, waiting for it at most a second.
  mutating func acceptSoon(_ listener: Descriptor) -> AcceptResult {
    for _ in 0..<1000 {
      let result = accept(listener)
      if case .wouldBlock = result { usleep(1000) } else { return result }
    }
    return .wouldBlock
  }
}
