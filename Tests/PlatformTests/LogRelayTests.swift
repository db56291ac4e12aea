// Logs that a thread writes, because their file system may take long.

import Basics
import CLinux
import Glibc
import Synchronization
import Testing

@testable import Platform

@Suite struct LineRingTests {
  private func put(_ ring: LineRing, _ text: String) -> Int {
    Array(text.utf8).withUnsafeBytes { ring.put($0) }
  }

  private func taken(_ ring: LineRing, _ amount: Int) -> String {
    let (first, second) = ring.waiting
    let text = String(decoding: (Array(first) + Array(second)).prefix(amount), as: UTF8.self)
    ring.remove(amount)
    return text
  }

  @Test func takesWholeLinesOnly() {
    let ring = LineRing(capacity: 10)
    #expect(put(ring, "") == 0)
    #expect(put(ring, "ab\ncdef\ngh\n") == 8)
    #expect(put(ring, "gh\n") == 0)
    #expect(put(ring, "g\n") == 2)
    #expect(put(ring, "\n") == 0)
    #expect(ring.count == 10)
    #expect(taken(ring, 10) == "ab\ncdef\ng\n")
    #expect(put(ring, "without an end") == 0)
  }

  @Test func goesAroundItsEnd() {
    let ring = LineRing(capacity: 7)
    for round in 0..<50 {
      let line = String(round) + "|\n"
      #expect(put(ring, line) == line.utf8.count)
      #expect(taken(ring, 1) == String(line.prefix(1)))
      #expect(taken(ring, line.utf8.count - 1) == String(line.dropFirst()))
    }
    #expect(ring.count == 0)
  }

  @Test func twoThreadsLoseNothing() throws {
    let ring = LineRing(capacity: 1000)
    let threads = try WorkerThreads()
    let lineCount = 20_000
    try threads.start(name: "puts") {
      for number in 0..<lineCount {
        let line = Array("\(number)\n".utf8)
        while line.withUnsafeBytes({ ring.put($0) }) == 0 { sched_yield() }
      }
    }
    var bytes: [UInt8] = []
    while threads.runningCount > 0 || ring.count > 0 {
      let (first, second) = ring.waiting
      bytes += first
      bytes += second
      ring.remove(first.count + second.count)
    }
    #expect(bytes == Array((0..<lineCount).map { "\($0)\n" }.joined().utf8))
  }
}

@Suite struct LogRelayTests {
  private let limits = LogRelayLimits(
    capacity: 100_000, retry: .milliseconds(20))

  /// A file that takes 64 KiB and then blocks whoever writes to it; `isNonBlocking`: takes a part.
  private func makePipe(isNonBlocking: Bool = false) throws -> (reader: Int32, file: Descriptor) {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    if isNonBlocking { _ = fcntl(ends[1], F_SETFL, O_NONBLOCK) }
    return (ends[0], Descriptor(number: ends[1]))
  }

  private func put(_ relay: LogRelay, _ text: String) -> Bool {
    if case .bytes(text.utf8.count) = Array(text.utf8).withUnsafeBytes(relay.put) { return true }
    return false
  }

  /// Puts numbered lines of 100 bytes until none is taken for a tenth of a second.
  private func fill(_ relay: LogRelay) -> Int {
    var count = 0
    var refusals = 0
    while refusals < 100 {
      if put(relay, line(count)) {
        (count, refusals) = (count + 1, 0)
      } else {
        refusals += 1
        usleep(1000)
      }
    }
    return count
  }

  private func line(_ number: Int) -> String {
    let digits = String(number)
    return digits + String(repeating: ".", count: 99 - digits.count) + "\n"
  }

  /// What comes out of a pipe until it is closed.
  private func drain(_ reader: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    var text: [UInt8] = []
    while true {
      let count = Glibc.read(reader, &bytes, bytes.count)
      if count == 0 { break }
      if count > 0 { text += bytes.prefix(count) } else { usleep(1000) }
    }
    close(reader)
    return String(decoding: text, as: UTF8.self)
  }

  private func waitUntil(_ condition: () -> Bool) {
    for _ in 0..<5000 {
      if condition() { return }
      usleep(1000)
    }
    Issue.record("it did not happen within 5 s")
  }

  private func content(_ path: String) -> String {
    let result = FileContent.read(path: path, limit: 1 << 20)
    return (try? result.get()).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  @Test func aFileThatBlocksHoldsNobodyUp() async throws {
    let (reader, file) = try makePipe()
    let relay = try LogRelay(path: "/slow", file: file, limits: limits)
    let count = fill(relay)
    // What a pipe takes, and what waits behind it.
    #expect(count >= 1000 && count < 3000)
    let text = Mutex("")
    let threads = try WorkerThreads()
    try threads.start(name: "reads") {
      let all = drain(reader)
      text.withLock { $0 = all }
    }
    waitUntil { put(relay, line(count)) }
    relay.end()
    waitUntil { threads.runningCount == 0 }
    #expect(text.withLock { $0 } == (0...count).map(line).joined())
  }

  @Test func theEndWaitsForNobodyAndLosesNothing() throws {
    let (reader, file) = try makePipe()
    let relay = try LogRelay(path: "/slow", file: file, limits: limits)
    let count = fill(relay)
    let left = Array(line(count).utf8).withUnsafeBytes { relay.leave($0, limit: 1 << 20) }
    #expect(left == 100)
    relay.end()
    #expect(!relay.isFinished)
    #expect(relay.giveUp().lines > 100)
    #expect(drain(reader) == (0...count).map(line).joined())
    waitUntil { relay.isFinished }
  }

  @Test func aCutLineIsCompleted() throws {
    let (reader, file) = try makePipe(isNonBlocking: true)
    let relay = try LogRelay(path: "/full", file: file, limits: limits)
    let count = fill(relay)
    let text = Mutex("")
    let threads = try WorkerThreads()
    try threads.start(name: "reads") {
      let all = drain(reader)
      text.withLock { $0 = all }
    }
    waitUntil { relay.isIdle }
    relay.end()
    waitUntil { threads.runningCount == 0 }
    #expect(text.withLock { $0 } == (0..<count).map(line).joined())
  }

  @Test func afterAnErrorItTriesAgainAndCanBeReopened() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/log"
    // Every write to it fails for lack of space.
    let full = Descriptor(number: open("/dev/full", O_WRONLY | O_CLOEXEC))
    let relay = try LogRelay(path: path, file: full, limits: limits)
    #expect(put(relay, "one\n"))
    usleep(50_000)
    #expect(!relay.isIdle)
    relay.reopen()
    waitUntil { content(path) == "one\n" }
    #expect(put(relay, "two\n"))
    waitUntil { content(path) == "one\ntwo\n" }
    rename(path, path + ".1")
    relay.reopen()
    #expect(put(relay, "three\n"))
    waitUntil { content(path) == "three\n" }
    relay.end()
    #expect(content(path + ".1") == "one\ntwo\n")
  }

  @Test func whatCannotBeOpenedAnewKeepsItsOldFile() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/log"
    guard case .success(let file) = LogFile.open(path: path) else { return }
    let relay = try LogRelay(path: folder.path + "/none/log", file: file, limits: limits)
    relay.reopen()
    #expect(put(relay, "one\n"))
    waitUntil { content(path) == "one\n" }
    relay.end()
  }

  @Test func knowsNetworkFileSystems() throws {
    for number: Int64 in [0x6969, 0xFF53_4D42, 0xFE53_4D42, 0x6573_5546, 0x00C3_6400] {
      #expect(NetworkFileSystem.isOne(number))
    }
    // ext4, XFS, Btrfs, tmpfs, overlay, and what can't be told.
    for number: Int64 in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, -1] {
      #expect(!NetworkFileSystem.isOne(number))
    }
    let local = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
    defer { close(local) }
    #expect(clinux_file_system(local) == 0x9FA0)
    #expect(!NetworkFileSystem.holds(Descriptor(number: local)))
    #expect(clinux_file_system(-1) == -1)
  }
}
