// How connections begin: towards backends and from clients.

import Basics
import CLinux
import Glibc
import HTTP
import Platform
import Testing

@Suite struct LinuxKernelConnectTests {
  @Test func connectBecomesWritableWithoutError() throws {
    var kernel = try makeKernel()
    let listener = try TestListener()
    let ours = try #require(kernel.connect(to: listener.address, unixPath: .empty).descriptor)
    #expect(kernel.watch(ours, token: 5) == nil)
    #expect(kernel.readiness(of: 5) == .writable)
    #expect(kernel.pendingError(ours) == nil)
    #expect(clinux_get_option(ours.number, Int32(IPPROTO_TCP), TCP_NODELAY) != 0)
    #expect(fcntl(ours.number, F_GETFL) & O_NONBLOCK != 0)
    #expect(fcntl(ours.number, F_GETFD) & FD_CLOEXEC != 0)
    kernel.close(ours)
  }

  @Test func refusedConnect() throws {
    var kernel = try makeKernel()
    let address = loopback(try unusedPort())
    switch kernel.connect(to: address, unixPath: .empty) {
    case .connected: Issue.record("connected to nobody")
    case .failed(let error): #expect(error.kind == .refused)
    case .inProgress(let ours):
      #expect(kernel.watch(ours, token: 5) == nil)
      #expect(kernel.readiness(of: 5).contains(.failed))
      #expect(kernel.pendingError(ours) == KernelError(kind: .refused, code: ECONNREFUSED))
      #expect(kernel.pendingError(ours) == nil)
      kernel.close(ours)
    }
  }

  @Test func unreachableAddress() throws {
    var kernel = try makeKernel()
    // 255.255.255.255 is never the address of a stream's peer.
    let broadcast = PeerAddress(family: .ipv4, high: 0, low: 0xffff_ffff, port: 80)
    guard case .failed(let error) = kernel.connect(to: broadcast, unixPath: .empty) else {
      Issue.record("connected to everybody")
      return
    }
    #expect(error.kind == .unreachable)
  }

  @Test func unixSocketThatIsNotThere() throws {
    var kernel = try makeKernel()
    let arena = Arena()
    let folder = try TemporaryFolder()
    let missing = arena.freeze(folder.path + "/missing.sock")
    let tooLong = arena.freeze("/" + String(repeating: "x", count: 200))
    for (path, kind) in [(missing, KernelError.Kind.refused), (tooLong, .other)] {
      guard case .failed(let error) = kernel.connect(to: .unix, unixPath: path) else {
        Issue.record("connected to nobody")
        continue
      }
      #expect(error.kind == kind)
    }
  }

  @Test func connectToUnixSocketIsImmediate() throws {
    var kernel = try makeKernel()
    let folder = try TemporaryFolder()
    let path = folder.path + "/a.sock"
    let sockets = try ListeningSockets([ListenAddress(address: .unix, unixPath: path)], workers: 1)
    let listener = sockets.descriptors(ofWorker: 0)[0]
    let arena = Arena()
    let result = kernel.connect(to: .unix, unixPath: arena.freeze(path))
    guard case .connected(let ours) = result,
      case .connection(let theirs, let peer) = kernel.acceptSoon(listener)
    else {
      Issue.record("not connected")
      return
    }
    #expect(peer == .unix)
    #expect(kernel.localAddress(theirs) == .unix)
    _ = kernel.write(ours, "over unix")
    #expect(kernel.readText(theirs).0 == "over unix")
    for descriptor in [ours, theirs, listener] { kernel.close(descriptor) }
    sockets.removeSocketFiles()
  }

  /// A backend whose backlog is full does not take the connection now: the next one is asked.
  @Test func fullBacklogOfUnixSocketIsRefusal() throws {
    var kernel = try makeKernel()
    let folder = try TemporaryFolder()
    let address = ListenAddress(address: .unix, unixPath: folder.path + "/a.sock", backlog: 0)
    var sockets = try ListeningSockets([address], workers: 1)
    defer { sockets.closeAll() }
    let arena = Arena()
    let path = arena.freeze(address.unixPath)
    let first = kernel.connect(to: .unix, unixPath: path).descriptor
    defer { if let first { kernel.close(first) } }
    guard case .failed(let error) = kernel.connect(to: .unix, unixPath: path) else {
      Issue.record("the backlog has no end")
      return
    }
    #expect(error == KernelError(kind: .refused, code: EAGAIN))
  }

  @Test func acceptGivesPeerAndInheritsNoDelay() throws {
    var kernel = try makeKernel()
    let sockets = try ListeningSockets([ListenAddress(address: loopback(0))], workers: 1)
    let listener = sockets.descriptors(ofWorker: 0)[0]
    if case .wouldBlock = kernel.accept(listener) {} else { Issue.record("somebody is there") }
    let client = try #require(
      kernel.connect(to: sockets.bound[0], unixPath: .empty).descriptor)
    guard case .connection(let made, let peer) = kernel.acceptSoon(listener) else {
      Issue.record("nobody came")
      return
    }
    #expect(peer == kernel.localAddress(client))
    #expect(peer.family == .ipv4 && peer.low == 0x7f00_0001 && peer.port != 0)
    #expect(kernel.localAddress(made) == sockets.bound[0])
    #expect(clinux_get_option(made.number, Int32(IPPROTO_TCP), TCP_NODELAY) != 0)
    #expect(fcntl(made.number, F_GETFL) & O_NONBLOCK != 0)
    #expect(fcntl(made.number, F_GETFD) & FD_CLOEXEC != 0)
    for descriptor in [client, made, listener] { kernel.close(descriptor) }
  }

  @Test func iPv6PeersAndMappedIPv4Peers() throws {
    var kernel = try makeKernel()
    let six = PeerAddress(family: .ipv6, high: 0, low: 1, port: 0)
    let sockets = try ListeningSockets([ListenAddress(address: six)], workers: 1)
    #expect(sockets.bound[0].text == "[::1]:\(sockets.bound[0].port)")
    let listener = sockets.descriptors(ofWorker: 0)[0]
    let client = try #require(kernel.connect(to: sockets.bound[0], unixPath: .empty).descriptor)
    guard case .connection(let made, let peer) = kernel.acceptSoon(listener) else {
      Issue.record("nobody came")
      return
    }
    #expect(peer.family == .ipv6 && peer.high == 0 && peer.low == 1)
    for descriptor in [client, made, listener] { kernel.close(descriptor) }
    // ::ffff:127.0.0.1 is the same host as 127.0.0.1.
    let plain = try TestListener()
    let mapped = PeerAddress(
      family: .ipv6, high: 0, low: 0xffff_7f00_0001, port: plain.address.port)
    let second = try #require(kernel.connect(to: mapped, unixPath: .empty).descriptor)
    let local = kernel.localAddress(second)
    #expect(local.family == .ipv4 && local.low == 0x7f00_0001 && local.high == 0)
    kernel.close(second)
  }
}
