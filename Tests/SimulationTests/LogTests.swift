import Basics
import Platform
import Simulation
import Testing

/// Log files behave as files on a disk that may be full, and as pipes that may be full.
struct LogTests {
  private let world = SimulatedWorld(seed: 1)
  private var probe: Probe { Probe(world) }

  @Test func writesAreAppendedByPath() throws {
    let first = try #require(probe.openLog("/var/log/access"))
    let second = try #require(probe.openLog("/var/log/access"))
    #expect(probe.writeLog(first, "a\n") == .taken(2))
    #expect(probe.writeLog(second, "b\n") == .taken(2))
    #expect(probe.writeLog(first, "c") == .taken(1))
    #expect(world.logs.lines(of: "/var/log/access") == ["a", "b", "c"])
    #expect(world.logs.bytes(of: "/var/log/error").isEmpty)
  }

  @Test func theStandardStreamsAreFiles() throws {
    let output = try #require(probe.openLog("", standard: 1))
    let error = try #require(probe.openLog("", standard: 2))
    _ = probe.writeLog(output, "out\n")
    _ = probe.writeLog(error, "err\n")
    #expect(world.logs.lines(of: "/dev/stdout") == ["out"])
    #expect(world.logs.lines(of: "/dev/stderr") == ["err"])
  }

  @Test func aRenamedFileIsWrittenOnUntilItIsOpenedAnew() throws {
    let old = try #require(probe.openLog("/log"))
    _ = probe.writeLog(old, "1\n")
    world.logs.rename("/log", to: "/log.1")
    _ = probe.writeLog(old, "2\n")
    #expect(!world.logs.exists("/log"))
    let new = try #require(probe.openLog("/log"))
    _ = probe.writeLog(new, "3\n")
    #expect(world.logs.lines(of: "/log.1") == ["1", "2"])
    #expect(world.logs.lines(of: "/log") == ["3"])
  }

  @Test func aFullDiskTakesNothingForAWhile() throws {
    let log = try #require(probe.openLog("/log"))
    world.logs.fillDisk(for: .seconds(1))
    #expect(probe.writeLog(log, "lost") == .failed(28))
    probe.pass(.seconds(2))
    #expect(probe.writeLog(log, "kept") == .taken(4))
    #expect(world.logs.lines(of: "/log") == ["kept"])
  }

  @Test func oneFileCanBeFullOrStalled() throws {
    let full = try #require(probe.openLog("/full"))
    let stalled = try #require(probe.openLog("/stalled"))
    let well = try #require(probe.openLog("/well"))
    world.logs.fill("/full", for: .seconds(1))
    world.logs.stall("/stalled", for: .seconds(1))
    #expect(probe.writeLog(full, "x") == .failed(28))
    #expect(probe.writeLog(stalled, "x") == .wouldBlock)
    #expect(probe.writeLog(well, "x") == .taken(1))
    probe.pass(.seconds(2))
    #expect(probe.writeLog(full, "x") == .taken(1))
    #expect(probe.writeLog(stalled, "x") == .taken(1))
  }

  /// As pipe(7) has it: up to 4096 bytes whole or not at all, more as far as there is room.
  @Test func aPipeTakesSmallWritesWholeOrNotAtAll() throws {
    world.logs.makePipe("/pipe", capacity: 8_192, pace: 1_000)
    let pipe = try #require(probe.openLog("/pipe"))
    world.logs.stall("/pipe", for: .seconds(1))
    #expect(probe.writeLog(pipe, String(repeating: "a", count: 4_097)) == .taken(4_097))
    #expect(probe.writeLog(pipe, String(repeating: "b", count: 4_096)) == .wouldBlock)
    // A line whose begin was written counts as taken: its end is owed.
    #expect(probe.writeLog(pipe, String(repeating: "c", count: 5_000)) == .taken(5_000))
    #expect(probe.writeLog(pipe, "d") == .wouldBlock)
    #expect(world.logs.bytes(of: "/pipe").count == 8_192)
    probe.pass(.milliseconds(1_010))
    #expect(probe.writeLog(pipe, String(repeating: "e", count: 4_096)) == .taken(4_096))
  }

  @Test func aBorrowedPipeIsWrittenInSmallPieces() throws {
    world.logs.makePipe("/pipe", capacity: 8_192, pace: 1_000, isBorrowed: true)
    let pipe = try #require(probe.openLog("/pipe"))
    let lines = String(repeating: String(repeating: "a", count: 2_999) + "\n", count: 3)
    #expect(probe.writeLog(pipe, lines) == .taken(6_000))
    #expect(world.logs.bytes(of: "/pipe").count == 6_000)
  }

  @Test func aDiskThatFillsTakesTheBeginning() throws {
    let log = try #require(probe.openLog("/log"))
    world.logs.fill("/log", for: .seconds(1), after: 5)
    #expect(probe.writeLog(log, "012") == .taken(3))
    #expect(probe.writeLog(log, "345\n") == .taken(4))
    #expect(world.logs.lines(of: "/log") == ["01234"])
    #expect(probe.writeLog(log, "6\n") == .failed(28))
    probe.pass(.seconds(2))
    #expect(probe.writeLog(log, "6\n") == .taken(2))
    #expect(world.logs.lines(of: "/log") == ["012345", "6"])
  }

  @Test func bothStandardStreamsMayBeOneFile() throws {
    world.logs.join("/dev/stderr", with: "/dev/stdout")
    let output = try #require(probe.openLog("", standard: 1))
    let error = try #require(probe.openLog("", standard: 2))
    _ = probe.writeLog(output, "out\n")
    _ = probe.writeLog(error, "err\n")
    #expect(world.logs.lines(of: "/dev/stdout") == ["out", "err"])
  }

  @Test func nothingHappensToAReliableFile() throws {
    let log = try #require(probe.openLog("/log"))
    world.logs.makeReliable("/log")
    world.logs.fillDisk(for: .seconds(1))
    world.faults.stalledLogs = 1_000
    #expect(probe.writeLog(log, "kept") == .taken(4))
  }

  @Test func aForbiddenFileCannotBeOpened() {
    world.logs.forbid("/log")
    #expect(probe.openLog("/log") == nil)
    world.logs.forbid("/log", false)
    #expect(probe.openLog("/log") != nil)
  }

  /// A line of which a part was written counts as taken, and its end comes before all else.
  @Test func aShortWriteOwesTheEndOfItsLine() throws {
    let log = try #require(probe.openLog("/log"))
    let other = try #require(probe.openLog("/log"))
    world.faults.shortLogWrites = 1000
    #expect(probe.writeLog(log, "0123456789\n") == .taken(11))
    let begin = try #require(world.logs.lines(of: "/log").first)
    #expect((1..<11).contains(begin.count) && "0123456789".hasPrefix(begin))
    world.faults = .none
    #expect(probe.writeLog(other, "next\n") == .taken(5))
    #expect(world.logs.lines(of: "/log") == ["0123456789", "next"])
  }

  /// What a worker leaves is written as soon as the file takes it.
  @Test func leftLinesAreWritten() throws {
    let log = try #require(probe.openLog("/log"))
    world.logs.stall("/log", for: .seconds(1))
    #expect(probe.writeLog(log, "left\n") == .wouldBlock)
    let taken = Array("left\n".utf8).withUnsafeBytes {
      probe.kernel.leaveLog(log, $0, limit: 100)
    }
    #expect(taken == 5)
    probe.pass(.seconds(2))
    #expect(world.logs.lines(of: "/log") == ["left"])
  }
}
