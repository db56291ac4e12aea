import Basics
import Platform
import Scenarios
import Simulation
import Testing

/// Logs that can't be written: requests are never delayed, and nothing is lost silently.
struct LogTests {
  private static let answer = "location / { return 200 fine; }"

  private func ask(_ bed: EngineBed, _ count: Int = 1) -> ClientID {
    bed.client((0..<count).flatMap { [.send(get("/\($0)")), .awaitResponse] })
  }

  /// A line is in the file by the end of the turn that ended its request.
  @Test func aLineIsWrittenInItsTurn() throws {
    let bed = try EngineBed(Self.answer)
    let client = bed.client([.send(get()), .awaitResponse, .pause(.seconds(1))])
    var linesWhenAnswered: Int?
    _ = bed.world.run {
      bed.turn()
      if linesWhenAnswered == nil, bed.world.calls.bytesWritten > 0 {
        linesWhenAnswered = bed.ends.count
      }
    }
    #expect(linesWhenAnswered == 1)
    #expect(bed.record(client).messages.count == 1)
    bed.finish(requests: 1)
  }

  /// All lines of one turn go out with one write.
  @Test func theLinesOfATurnAreOneWrite() throws {
    let bed = try EngineBed(Self.answer)
    for _ in 0..<50 { bed.client([.pause(.seconds(1)), .send(get()), .awaitResponse]) }
    #expect(bed.run() == .quiet)
    #expect(bed.world.calls.logWrites <= 2)
    bed.finish(requests: 50)
  }

  /// A file that takes lines piecewise has all of them at the turn's end, none torn.
  @Test(arguments: [1, 4])
  func shortWritesAreContinuedAtOnce(workerCount: Int) throws {
    var faults = Faults.none
    faults.shortLogWrites = 1000
    let bed = EngineBed(
      try EngineBed.plan(Self.answer), faults: faults, workerCount: workerCount)
    _ = ask(bed, 20)
    #expect(bed.run() == .quiet)
    #expect(bed.ends.count == 20)
    bed.finish(requests: 20)
  }

  /// A full disk delays nobody; the lines wait and are written when there is room again.
  @Test(arguments: ["full", "stalled"])
  func linesWaitForTheDisk(_ fault: String) throws {
    let bed = try EngineBed(Self.answer)
    if fault == "full" {
      bed.world.logs.fillDisk(for: .seconds(10))
    } else {
      bed.world.logs.stall("/log", for: .seconds(10))
    }
    let client = ask(bed, 30)
    #expect(bed.run() == .quiet)
    #expect(bed.record(client).messages.count == 30)
    let record = bed.record(client)
    let end = try #require(record.endedAt), begin = try #require(record.openedAt)
    #expect(end - begin < .milliseconds(100))
    #expect(bed.ends.isEmpty)
    bed.run(for: .seconds(12))
    #expect(bed.ends.count == 30)
    #expect(bed.world.calls.logWrites < 50)
    bed.finish(requests: 30)
  }

  /// A pipe whose reader is late for a moment gets its lines a moment later. If it were left alone
  /// for a second each time it is full, lines would be lost at any rate worth mentioning.
  @Test func aShortStallEndsSoon() throws {
    let bed = try EngineBed(Self.answer)
    bed.world.logs.stall("/log", for: .milliseconds(20))
    _ = ask(bed, 30)
    #expect(bed.run() == .quiet)
    #expect(bed.ends.isEmpty)
    bed.run(for: .milliseconds(50))
    #expect(bed.ends.count == 30)
    bed.finish(requests: 30)
  }

  /// What does not fit into the queue is dropped and counted, and one line says how much, when
  /// writing works again.
  @Test func lostLinesAreCounted() throws {
    let bed = try EngineBed(Self.answer)
    bed.world.logs.stall("/log", for: .seconds(60))
    let count = 300
    let target = "/" + filler(7000)
    let client = bed.client((0..<count).flatMap { _ in [.send(get(target)), .awaitResponse] })
    #expect(bed.run() == .quiet)
    #expect(bed.record(client).messages.count == count)
    bed.run(for: .seconds(62))
    let kept = bed.ends.count
    #expect(kept > 0 && kept < count)
    let report = bed.errors.filter { $0.contains("lost") }
    #expect(report.count == 1)
    #expect(report.first?.contains("\(count - kept) log lines were lost") == true)
    #expect(report.first?.contains("/log") == true)
    bed.client([.send(get("/after")), .awaitResponse])
    #expect(bed.run() == .quiet)
    #expect(bed.ends.last?["uri"] == "/after")
    #expect(bed.errors.filter { $0.contains("lost") }.count == 1)
    bed.end()
  }

  /// `log_queue` says how much waits, exactly, however often a part of it gets through.
  @Test func theQueueHoldsWhatItIsTold() throws {
    let top = "log_format tiny '$uri'; access_log /log tiny; log_queue 256k;"
    let bed = try EngineBed(Self.answer, top: top)
    let target = "/" + filler(1022)
    for _ in 0..<3 {
      bed.world.logs.stall("/log", for: .seconds(60))
      bed.client((0..<300).flatMap { _ in [.send(get(target)), .awaitResponse] })
      bed.run(for: .seconds(30))
      let before = bed.world.logs.lines(of: "/log").count
      bed.run(for: .seconds(32))
      #expect(bed.world.logs.lines(of: "/log").count - before == 256)
    }
    let reports = bed.errors.filter { $0.contains("44 log lines were lost") }
    #expect(reports.count == 3)
    #expect(reports.last?.contains("/log, 132 in all") == true)
    bed.end()
  }

  /// A queue of which the file takes a piece now and then neither mixes nor repeats lines.
  @Test(arguments: 0..<10 as Range<UInt64>)
  func aLongQueueIsWrittenPiecewise(_ seed: UInt64) throws {
    var faults = Faults.none
    faults.shortLogWrites = 1000
    faults.stalledLogs = 500
    let top = "log_format tiny '$uri $status'; access_log /log tiny; log_queue 256k;"
    let bed = EngineBed(try EngineBed.plan(Self.answer, top: top), seed: seed, faults: faults)
    bed.world.logs.stall("/log", for: .seconds(5))
    let targets = (0..<400).map { "/\($0)" + filler(500) }
    bed.client(targets.flatMap { [.send(get($0)), .awaitResponse] })
    bed.run(for: .seconds(60))
    bed.world.faults = .none
    bed.run(for: .seconds(3))
    let uris = bed.world.logs.lines(of: "/log").map { $0.split(separator: " ")[0] }
    #expect(uris == targets.map { $0[...] })
    bed.end()
  }

  /// Each line has nginx's header; that of an error line says its severity.
  @Test func syslogLinesHaveHeaders() throws {
    let top = """
      access_log syslog:server=unix:/dev/log,facility=local0,severity=notice,tag=mine simple;
      error_log syslog:server=unix:/dev/log,facility=local0,severity=notice,tag=mine info;
      """
    let bed = try EngineBed(top: top)
    bed.backend(.connecting([.refused]))
    bed.client([.send(get()), .awaitResponse])
    #expect(bed.run() == .quiet)
    let lines = bed.world.logs.lines(of: "syslog:/dev/log")
    let header = /<(\d+)>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d machine mine: (.*)/
    let messages = try lines.map { line in
      try #require(try header.wholeMatch(in: line)).output
    }
    // 16 is local0; 5 is notice, 3 error.
    #expect(messages.filter { $0.1 == "133" && $0.2.hasPrefix("ERROR GET / ") }.count == 1)
    #expect(messages.contains { $0.1 == "131" && $0.2.contains("connection_refused") })
    bed.end()
  }

  /// A server that takes nothing, or was started anew, gets the lines later.
  @Test(arguments: 0..<10 as Range<UInt64>)
  func syslogLinesWaitForTheServer(_ seed: UInt64) throws {
    let top = "access_log syslog:server=unix:/dev/log,rfc5424,nohostname simple;"
    var faults = Faults.none
    faults.shortLogWrites = 300
    faults.fullDisks = 300
    faults.stalledLogs = 300
    let bed = EngineBed(try EngineBed.plan(Self.answer, top: top), seed: seed, faults: faults)
    bed.world.logs.fillDisk(for: .seconds(5))
    bed.world.logs.forbid("syslog:/dev/log")
    _ = ask(bed, 20)
    bed.run(for: .seconds(4))
    let early = bed.world.logs.lines(of: "syslog:/dev/log").count
    #expect(early == 0)
    bed.world.logs.forbid("syslog:/dev/log", false)
    bed.run(for: .seconds(30))
    let lines = bed.world.logs.lines(of: "syslog:/dev/log")
    let form = /<190>1 \d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z - waybill 7 - - INFO GET \/.*/
    #expect(lines.count == 20)
    #expect(try lines.allSatisfy { try form.wholeMatch(in: $0) != nil })
    bed.end()
  }

  /// After a rename, `SIGUSR1` makes a new file, and between both files no line is missing.
  @Test func reopeningLosesNothing() throws {
    let bed = try EngineBed(Self.answer)
    let client = ask(bed, 40)
    var turns = 0
    _ = bed.world.run {
      turns += 1
      if turns == 10 { bed.world.logs.rename("/log", to: "/log.1") }
      if turns == 20 { bed.world.post(.reopenLogs) }
      bed.turn()
    }
    #expect(bed.record(client).messages.count == 40)
    let old = bed.lines(of: "/log.1")
    #expect(!old.isEmpty && !bed.lines().isEmpty)
    #expect((old + bed.lines()).map { $0["uri"] } == (0..<40).map { "/\($0)" })
    #expect(bed.world.openDescriptors.filter { $0.kind == .log }.count == 2)
    bed.end()
  }

  /// A line of which the disk took only a part before the log was opened anew, in the same file or
  /// another one, begins anew on a line of its own.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func reopeningJoinsNoLines(_ seed: UInt64) throws {
    var faults = Faults.none
    faults.shortLogWrites = 1000
    faults.fullDisks = 700
    let bed = EngineBed(try EngineBed.plan(Self.answer), seed: seed, faults: faults)
    _ = ask(bed, 5)
    bed.world.schedule(after: .seconds(1)) { $0.post(.reopenLogs) }
    bed.run(for: .seconds(3))
    bed.world.faults = .none
    bed.run(for: .seconds(3))
    let whole = bed.world.logs.lines(of: "/log").filter { AccessLine($0) != nil }
    let joined = bed.world.logs.lines(of: "/log").filter { $0.dropFirst().contains("{\"time") }
    #expect(whole.count == 5)
    #expect(joined.isEmpty)
  }

  /// A line of which only the end is missing gets that end, and does not come twice.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func aLineEndThatIsMissingIsAdded(_ seed: UInt64) throws {
    var faults = Faults.none
    faults.shortLogWrites = 1000
    faults.fullDisks = 500
    let top = "log_format tiny '$uri'; access_log /log tiny;"
    let bed = EngineBed(
      try EngineBed.plan(Self.answer, top: top), seed: seed, faults: faults, workerCount: 4)
    _ = ask(bed, 5)
    bed.run(for: .seconds(3))
    bed.world.faults = .none
    bed.run(for: .seconds(3))
    let whole = bed.world.logs.lines(of: "/log").filter { $0.count == 2 }
    #expect(whole.sorted() == (0..<5).map { "/\($0)" })
  }

  /// A log that can't be reopened stays the old one: better there than nowhere.
  @Test func aLogThatCannotBeReopenedStays() throws {
    let bed = try EngineBed(Self.answer)
    _ = ask(bed)
    #expect(bed.run() == .quiet)
    bed.world.logs.rename("/log", to: "/log.1")
    bed.world.logs.forbid("/log")
    bed.world.post(.reopenLogs)
    _ = ask(bed)
    #expect(bed.run() == .quiet)
    bed.end()
    #expect(bed.lines(of: "/log.1").count == 2)
    #expect(bed.errors.contains { $0.contains("a log can't be opened: /log") })
  }

  /// Buffered lines wait for `buffer=` or `flush=`, and the end of the worker writes the rest.
  @Test func bufferedLinesAreFlushedInTime() throws {
    let bed = try EngineBed(
      Self.answer, top: "access_log /log json buffer=64k flush=5s;")
    _ = ask(bed, 3)
    bed.run(for: .milliseconds(4_900))
    #expect(bed.ends.isEmpty)
    bed.run(for: .milliseconds(200))
    #expect(bed.ends.count == 3)
    _ = ask(bed, 2)
    bed.finish(requests: 5)
  }

  /// An error line is in its file by the end of its turn, too.
  @Test func errorLinesAreWrittenInTheirTurn() throws {
    let bed = try EngineBed()
    bed.backend(.connecting([.refused]))
    bed.client([.send(get()), .awaitResponse, .pause(.seconds(1))])
    bed.run(for: .milliseconds(500))
    #expect(bed.errors.contains { $0.contains("connection_refused") })
    bed.finish(requests: 1)
  }
}
