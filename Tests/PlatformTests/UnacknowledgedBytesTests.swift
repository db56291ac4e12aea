// What the peer of a TCP connection has not acknowledged, in each of its last states.

import Basics
import CLinux
import Glibc
import HTTP
import Platform
import Testing

@Suite struct UnacknowledgedBytesTests {
  /// A peer whose receive window is full: what is sent stays unacknowledged.
  private func stalledPair(_ kernel: inout LinuxKernel) throws -> SocketPair {
    let pair = try SocketPair(&kernel)
    let block = String(repeating: "x", count: 1 << 20)
    while case .bytes = kernel.write(pair.ours, block) {}
    // The peer's buffer still grows a little.
    var last = 0
    while last != kernel.unacknowledgedBytes(pair.ours) {
      last = kernel.unacknowledgedBytes(pair.ours)
      usleep(100_000)
    }
    return pair
  }

  @Test func noneWhenAllIsDelivered() throws {
    var kernel = try makeKernel()
    let pair = try SocketPair(&kernel)
    _ = kernel.write(pair.ours, "delivered")
    #expect(pair.peerReceives() == "delivered")
    #expect(kernel.unacknowledgedBytes(pair.ours) == 0)
    kernel.close(pair.ours)
    pair.peerCloses()
  }

  /// The FIN itself is no byte.
  @Test func theSameAfterOurFIN() throws {
    var kernel = try makeKernel()
    let pair = try stalledPair(&kernel)
    let before = kernel.unacknowledgedBytes(pair.ours)
    #expect(before > 0)
    kernel.shutdownWriting(pair.ours)
    #expect(kernel.unacknowledgedBytes(pair.ours) == before)
    kernel.close(pair.ours)
    pair.peerCloses()
  }

  @Test func noneAfterAnAcknowledgedFIN() throws {
    var kernel = try makeKernel()
    let pair = try SocketPair(&kernel)
    _ = kernel.write(pair.ours, "all")
    kernel.shutdownWriting(pair.ours)
    #expect(pair.peerReceives() == "all")
    #expect(pair.peerReceives() == "")
    #expect(kernel.unacknowledgedBytes(pair.ours) == 0)
    kernel.close(pair.ours)
    pair.peerCloses()
  }

  @Test func theSameAfterThePeersReset() throws {
    var kernel = try makeKernel()
    let pair = try stalledPair(&kernel)
    let before = kernel.unacknowledgedBytes(pair.ours)
    pair.peerResets()
    #expect(kernel.watch(pair.ours, token: 1) == nil)
    #expect(kernel.readiness(of: 1).contains(.failed))
    #expect(kernel.unacknowledgedBytes(pair.ours) == before)
    kernel.close(pair.ours)
  }

  @Test func notKnownForUnixSockets() throws {
    var kernel = try makeKernel()
    var ends: [Int32] = [0, 0]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK, 0, &ends) == 0)
    let ours = Descriptor(number: ends[0])
    _ = kernel.write(ours, "not read")
    #expect(kernel.unacknowledgedBytes(ours) == 0)
    kernel.close(ours)
    Glibc.close(ends[1])
  }
}
