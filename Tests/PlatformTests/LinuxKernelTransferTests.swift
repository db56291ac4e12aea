// Bytes over real connections: what each result of read and write means.

import Basics
import CLinux
import Glibc
import HTTP
import Platform
import Testing

@Suite struct LinuxKernelTransferTests {
  @Test func readsInPiecesThenWouldBlockThenEnd() throws {
    var kernel = try makeKernel()
    let pair = try SocketPair(&kernel)
    if case .wouldBlock = kernel.readText(pair.ours).1 {} else { Issue.record("not EAGAIN") }
    pair.peerSends("abcdef")
    #expect(kernel.readiness(of: 0) == [])
    #expect(kernel.readText(pair.ours, limit: 4).0 == "abcd")
    #expect(kernel.readText(pair.ours, limit: 4).0 == "ef")
    if case .wouldBlock = kernel.readText(pair.ours).1 {} else { Issue.record("not EAGAIN") }
    pair.peerCloses()
    #expect(kernel.watch(pair.ours, token: 7) == nil)
    // The end may come behind the report that there is room to write.
    var readiness = kernel.readiness(of: 7)
    if !readiness.contains(.peerClosed) { readiness.formUnion(kernel.readiness(of: 7)) }
    #expect(readiness.isSuperset(of: [.readable, .peerClosed]))
    if case .end = kernel.readText(pair.ours).1 {} else { Issue.record("not the end") }
    kernel.close(pair.ours)
  }

  @Test(arguments: [
    ("one", "", ""), ("", "two", ""), ("", "", "three"), ("a", "b", "c"), ("head", "", "body"),
  ])
  func writesPartsInOrder(first: String, second: String, third: String) throws {
    var kernel = try makeKernel()
    let pair = try SocketPair(&kernel)
    let all = first + second + third
    if case .bytes(let count) = kernel.write(pair.ours, first, second, third) {
      #expect(count == all.utf8.count)
    } else {
      Issue.record("not written")
    }
    #expect(pair.peerReceives() == all)
    kernel.close(pair.ours)
    pair.peerCloses()
  }

  @Test func writingNothingIsNoCall() throws {
    var kernel = try makeKernel()
    // No descriptor at all: a system call would end the process.
    if case .bytes(0) = kernel.write(.none, "") {} else { Issue.record("not 0 bytes") }
  }

  /// A full socket takes part of a write, then nothing; it reports room once the peer has read.
  @Test func partialWriteThenWouldBlockThenWritable() throws {
    var kernel = try makeKernel()
    let pair = try SocketPair(&kernel)
    #expect(kernel.watch(pair.ours, token: 3) == nil)
    #expect(kernel.readiness(of: 3) == .writable)
    let block = String(repeating: "x", count: 1 << 20)
    var written = 0
    var isPartial = false
    while case .bytes(let count) = kernel.write(pair.ours, block, block, block) {
      written += count
      if count < 3 << 20 { isPartial = true }
    }
    #expect(isPartial)
    if case .wouldBlock = kernel.write(pair.ours, block) {} else { Issue.record("not full") }
    #expect(kernel.readiness(of: 3, within: 0) == [])
    #expect(kernel.unacknowledgedBytes(pair.ours) > 0)
    var received = 0
    while received < written { received += pair.peerReceives().utf8.count }
    #expect(received == written)
    #expect(kernel.readiness(of: 3) == .writable)
    kernel.close(pair.ours)
    pair.peerCloses()
  }

  @Test func resetByPeer() throws {
    var kernel = try makeKernel()
    let pair = try SocketPair(&kernel)
    #expect(kernel.watch(pair.ours, token: 9) == nil)
    #expect(kernel.readiness(of: 9) == .writable)
    pair.peerResets()
    #expect(kernel.readiness(of: 9).isSuperset(of: [.readable, .writable, .peerClosed, .failed]))
    #expect(kernel.pendingError(pair.ours) == KernelError(kind: .reset, code: ECONNRESET))
    // Taking the error clears it; a write still finds the connection gone, and raises no signal.
    if case .failed(let error) = kernel.write(pair.ours, "x") {
      #expect(error == KernelError(kind: .reset, code: EPIPE))
    } else {
      Issue.record("written to a broken connection")
    }
    kernel.close(pair.ours)
  }

  /// What came before the reset can still be read.
  @Test func readReportsResetAfterTheBytesBeforeIt() throws {
    var kernel = try makeKernel()
    let pair = try SocketPair(&kernel)
    pair.peerSends("before")
    pair.peerResets()
    #expect(kernel.readText(pair.ours).0 == "before")
    if case .failed(let error) = kernel.readText(pair.ours).1 {
      #expect(error == KernelError(kind: .reset, code: ECONNRESET))
    } else {
      Issue.record("no reset")
    }
    kernel.close(pair.ours)
  }

  @Test func halfCloseLeavesTheOtherDirectionOpen() throws {
    var kernel = try makeKernel()
    let pair = try SocketPair(&kernel)
    kernel.shutdownWriting(pair.ours)
    #expect(pair.peerReceives() == "")
    pair.peerSends("still here")
    #expect(kernel.readText(pair.ours).0 == "still here")
    kernel.close(pair.ours)
    pair.peerCloses()
  }

  @Test func shutdownOfABrokenConnectionIsNoMisuse() throws {
    var kernel = try makeKernel()
    let pair = try SocketPair(&kernel)
    pair.peerResets()
    kernel.shutdownWriting(pair.ours)
    kernel.close(pair.ours)
  }

  @Test func resetIsSeenByThePeer() throws {
    var kernel = try makeKernel()
    let pair = try SocketPair(&kernel)
    kernel.reset(pair.ours)
    var byte: UInt8 = 0
    #expect(recv(pair.peer, &byte, 1, 0) == -1)
    #expect(errno == ECONNRESET)
    pair.peerCloses()
  }

  @Test func fillsWithRandomBytes() throws {
    var kernel = try makeKernel()
    var first = [UInt8](repeating: 0, count: 4096)
    var second = first
    #expect(first.withUnsafeMutableBytes { kernel.fillRandom($0) })
    #expect(second.withUnsafeMutableBytes { kernel.fillRandom($0) })
    #expect(first != second)
    // All of it is filled: the chance of 64 zeros at the end is nil.
    #expect(first.suffix(64).contains { $0 != 0 })
    let nothing = kernel.fillRandom(UnsafeMutableRawBufferPointer(start: nil, count: 0))
    #expect(nothing)
  }
}
