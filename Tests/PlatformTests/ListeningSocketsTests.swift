// Who may listen where.

import Basics
import Glibc
import HTTP
import Platform
import Testing

@Suite struct ListeningSocketsTests {
  @Test func eachWorkerHasASocketOfItsOwnOnTheSamePort() throws {
    var kernel = try makeKernel()
    var sockets = try ListeningSockets([ListenAddress(address: loopback(0))], workers: 3)
    defer { sockets.closeAll() }
    let listeners = (0..<3).map { sockets.descriptors(ofWorker: $0)[0] }
    #expect(Set(listeners).count == 3)
    for listener in listeners { #expect(kernel.localAddress(listener) == sockets.bound[0]) }
    // Enough connections for each to get one, wherever the hash sends them.
    var clients: [Descriptor] = []
    var accepted = [0, 0, 0]
    for _ in 0..<60 {
      clients += [try #require(kernel.connect(to: sockets.bound[0], unixPath: .empty).descriptor)]
    }
    for (index, listener) in listeners.enumerated() {
      while case .connection(let made, _) = kernel.accept(listener) {
        accepted[index] += 1
        kernel.close(made)
      }
    }
    #expect(accepted.reduce(0, +) == 60)
    #expect(!accepted.contains(0))
    for client in clients { kernel.close(client) }
  }

  @Test func orderOfAddressesIsKept() throws {
    let folder = try TemporaryFolder()
    let addresses = [
      ListenAddress(address: loopback(0)),
      ListenAddress(address: .unix, unixPath: folder.path + "/a.sock"),
      ListenAddress(address: loopback(0)),
    ]
    var kernel = try makeKernel()
    var sockets = try ListeningSockets(addresses, workers: 2)
    defer { sockets.closeAll() }
    for worker in 0..<2 {
      let found = sockets.descriptors(ofWorker: worker).map { kernel.localAddress($0) }
      #expect(found == sockets.bound)
      #expect(found.map(\.family) == [.ipv4, .unix, .ipv4])
    }
    sockets.removeSocketFiles()
  }

  /// The sharing of ports among workers must not let a second proxy in.
  @Test func aPortThatIsListenedOnIsRefused() throws {
    var first = try ListeningSockets([ListenAddress(address: loopback(0))], workers: 2)
    defer { first.closeAll() }
    let address = ListenAddress(address: first.bound[0])
    let error = #expect(throws: ListenError.self) {
      try ListeningSockets([address], workers: 2)
    }
    #expect(
      error?.message == "listen 127.0.0.1:\(first.bound[0].port): address already in use"
        + " (another process listens there)")
  }

  /// `listen 8080; listen 127.0.0.1:8080;` are two addresses of one process.
  @Test func aWiderAndANarrowerAddressGoTogether() throws {
    let port = try unusedPort()
    let wide = PeerAddress(family: .ipv4, high: 0, low: 0, port: port)
    let six = PeerAddress(family: .ipv6, high: 0, low: 0, port: port)
    var sockets = try ListeningSockets(
      [wide, loopback(port), six].map { ListenAddress(address: $0) }, workers: 1)
    #expect(sockets.bound.map(\.port) == [port, port, port])
    sockets.closeAll()
  }

  /// What both want is kept, with what waits there; what one more worker needs is added.
  @Test func aReplacementKeepsSockets() throws {
    var kernel = try makeKernel()
    let folder = try TemporaryFolder()
    let path = folder.path + "/a.sock"
    let both = ListenAddress(address: loopback(try unusedPort()))
    var first = try ListeningSockets(
      [both, ListenAddress(address: .unix, unixPath: path)], workers: 1)
    let port = first.bound[0]
    let waiting = try #require(kernel.connect(to: port, unixPath: .empty).descriptor)
    var second = try ListeningSockets(
      [ListenAddress(address: both.address, backlog: 7)], workers: 2, keeping: first)
    first.close(keeping: second)
    #expect(second.bound == [port])
    #expect(access(path, F_OK) != 0)
    let shares = try (0..<2).map { try second.shares(ofWorker: $0, of: 2) }
    #expect(shares.map(\.count) == [1, 1] && shares[0][0].descriptor != shares[1][0].descriptor)
    guard case .connection = kernel.acceptSoon(shares[0][0].descriptor) else {
      Issue.record("the connection that waited is lost")
      return
    }
    // With fewer workers one of them gets all sockets.
    let all = try second.shares(ofWorker: 0, of: 1)
    #expect(all.map(\.address) == [0, 0])
    for share in all { kernel.close(share.descriptor) }
    kernel.close(waiting)
    for share in shares.joined() { kernel.close(share.descriptor) }
    second.close()
    // Nobody listens there any more.
    var third = try ListeningSockets([ListenAddress(address: port)], workers: 1)
    third.close()
  }

  /// Nothing of what was open is lost when the new part can't be had.
  @Test func aReplacementThatFails() throws {
    var kernel = try makeKernel()
    var first = try ListeningSockets([ListenAddress(address: loopback(0))], workers: 1)
    let fresh = try unusedPort()
    let bad = PeerAddress(family: .ipv4, high: 0, low: 0xc000_0201, port: 80)
    #expect(throws: ListenError.self) {
      try ListeningSockets(
        [loopback(0), loopback(fresh), bad].map { ListenAddress(address: $0) }, workers: 3,
        keeping: first)
    }
    var other = try ListeningSockets([ListenAddress(address: loopback(fresh))], workers: 1)
    other.close()
    let client = try #require(kernel.connect(to: first.bound[0], unixPath: .empty).descriptor)
    guard case .connection = kernel.acceptSoon(first.descriptors(ofWorker: 0)[0]) else {
      Issue.record("the socket is gone")
      return
    }
    kernel.close(client)
    first.close()
  }

  @Test func anAddressOfAnotherMachine() {
    let address = PeerAddress(family: .ipv4, high: 0, low: 0xc000_0201, port: 80)
    let error = #expect(throws: ListenError.self) {
      try ListeningSockets([ListenAddress(address: address)], workers: 1)
    }
    #expect(error?.message == "listen 192.0.2.1:80: cannot assign requested address")
  }

  @Test func aFailureClosesWhatWasOpened() throws {
    let port = try unusedPort()
    let bad = PeerAddress(family: .ipv4, high: 0, low: 0xc000_0201, port: 80)
    let folder = try TemporaryFolder()
    #expect(throws: ListenError.self) {
      try ListeningSockets(
        [
          ListenAddress(address: loopback(port)),
          ListenAddress(address: .unix, unixPath: folder.path + "/a.sock"),
          ListenAddress(address: .unix, unixPath: "/does/not/exist.sock"),
          ListenAddress(address: bad),
        ], workers: 2)
    }
    #expect(access(folder.path + "/a.sock", F_OK) != 0)
    var sockets = try ListeningSockets([ListenAddress(address: loopback(port))], workers: 1)
    sockets.closeAll()
  }
}

@Suite struct UnixListenerTests {
  private func address(_ folder: TemporaryFolder) -> ListenAddress {
    ListenAddress(address: .unix, unixPath: folder.path + "/a.sock")
  }

  @Test func everybodyMayConnectAndTheFileGoes() throws {
    let folder = try TemporaryFolder()
    var sockets = try ListeningSockets([address(folder)], workers: 2)
    var status = stat()
    #expect(stat(address(folder).unixPath, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o666)
    sockets.closeAll()
    sockets.removeSocketFiles()
    #expect(access(address(folder).unixPath, F_OK) != 0)
  }

  @Test func aStaleSocketIsReplaced() throws {
    let folder = try TemporaryFolder()
    var crashed = try ListeningSockets([address(folder)], workers: 1)
    crashed.closeAll()
    #expect(access(address(folder).unixPath, F_OK) == 0)
    var sockets = try ListeningSockets([address(folder)], workers: 1)
    // The file is another's by now, and stays.
    crashed.removeSocketFiles()
    #expect(access(address(folder).unixPath, F_OK) == 0)
    sockets.closeAll()
    sockets.removeSocketFiles()
  }

  @Test func aLiveSocketIsNot() throws {
    let folder = try TemporaryFolder()
    var first = try ListeningSockets([address(folder)], workers: 1)
    defer { first.closeAll() }
    let error = #expect(throws: ListenError.self) {
      try ListeningSockets([address(folder)], workers: 1)
    }
    #expect(
      error?.message == "listen unix:\(address(folder).unixPath): address already in use"
        + " (another process listens there)")
    first.removeSocketFiles()
  }

  @Test func neitherIsAFileThatIsNoSocket() throws {
    let folder = try TemporaryFolder()
    let file = open(address(folder).unixPath, O_CREAT | O_WRONLY, 0o600)
    close(file)
    let error = #expect(throws: ListenError.self) {
      try ListeningSockets([address(folder)], workers: 1)
    }
    #expect(
      error?.message == "listen unix:\(address(folder).unixPath): address already in use"
        + " (the file is there)")
    #expect(access(address(folder).unixPath, F_OK) == 0)
  }

  @Test func aPathThatIsTooLong() {
    let path = "/tmp/" + String(repeating: "x", count: 200)
    let error = #expect(throws: ListenError.self) {
      try ListeningSockets([ListenAddress(address: .unix, unixPath: path)], workers: 1)
    }
    #expect(error?.message == "listen unix:\(path): file name too long")
  }
}
