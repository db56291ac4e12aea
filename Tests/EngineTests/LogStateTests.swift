import Basics
import Engine
import Platform
import Scenarios
import Simulation
import Testing

/// One log file has one state, whoever writes it: nothing that waits is lost when a worker ends,
/// no line is torn or joined with another's.
struct LogStateTests {
  private static let answer = "location / { return 200 fine; }"

  private func ask(_ bed: ReplacementBed, _ targets: [String], after delay: Interval) {
    bed.client(after: delay, Self.actions(targets))
  }

  private static func actions(_ targets: [String]) -> [PeerAction] {
    var actions: [PeerAction] = targets.flatMap { [.send(get($0)), .awaitResponse] }
    actions.append(.close)
    return actions
  }

  /// Every line is JSON, and each request has one.
  private func judge(_ bed: ReplacementBed, _ path: String = "/log", count: Int) {
    let lines = bed.world.logs.lines(of: path)
    let entries = lines.compactMap(AccessLine.init)
    #expect(entries.count == lines.count, "a line is no JSON")
    #expect(entries.count == count)
    #expect(Set(entries.map { $0["uri"] }).count == count)
  }

  /// The log takes nothing while a worker is replaced, and that one ends with lines in its queue.
  @Test(arguments: ["full", "stalled"])
  func linesOutliveTheirWorker(_ fault: String) throws {
    let bed = try ReplacementBed(Self.answer)
    if fault == "full" {
      bed.world.logs.fill("/log", for: .seconds(20))
    } else {
      bed.world.logs.stall("/log", for: .seconds(20))
    }
    ask(bed, (0..<100).map { "/\($0)" }, after: .milliseconds(1))
    bed.run(for: .seconds(2))
    try bed.replace(Self.answer)
    bed.run(for: .seconds(2))
    #expect(bed.programs[0].hasStopped)
    ask(bed, (100..<120).map { "/\($0)" }, after: .milliseconds(1))
    bed.run(for: .seconds(30))
    judge(bed, count: 120)
    #expect(bed.errors.filter { $0.contains("lost") }.isEmpty)
  }

  /// A configuration that writes elsewhere, or to no log at all, leaves no line behind.
  @Test(arguments: ["access_log /other json;", "access_log off;"])
  func aLogThatIsDroppedGetsItsLines(_ top: String) throws {
    let bed = try ReplacementBed(Self.answer)
    bed.world.logs.stall("/log", for: .seconds(20))
    ask(bed, (0..<100).map { "/\($0)" }, after: .milliseconds(1))
    bed.run(for: .seconds(2))
    try bed.replace(Self.answer, top: top)
    bed.run(for: .seconds(30))
    judge(bed, count: 100)
  }

  /// The same at the end of the last worker, with lines collected by `buffer=`.
  @Test func theEndLeavesLines() throws {
    let bed = try ReplacementBed(Self.answer, top: "access_log /log json buffer=64k flush=60s;")
    bed.world.logs.stall("/log", for: .seconds(20))
    ask(bed, (0..<100).map { "/\($0)" }, after: .milliseconds(1))
    bed.run(for: .seconds(2))
    bed.end()
    bed.run(for: .seconds(30))
    judge(bed, count: 100)
  }

  /// A syslog server that is not there while a worker is replaced.
  @Test func syslogLinesOutliveTheirWorker() throws {
    let top = "access_log syslog:server=unix:/dev/log,nohostname simple;"
    let bed = try ReplacementBed(Self.answer, top: top)
    bed.world.logs.fill("syslog:/dev/log", for: .seconds(20))
    bed.world.logs.forbid("syslog:/dev/log")
    ask(bed, (0..<100).map { "/\($0)" }, after: .milliseconds(1))
    bed.run(for: .seconds(2))
    try bed.replace(Self.answer, top: top)
    bed.run(for: .seconds(2))
    #expect(bed.programs[0].hasStopped)
    bed.world.logs.forbid("syslog:/dev/log", false)
    bed.run(for: .seconds(30))
    let lines = bed.world.logs.lines(of: "syslog:/dev/log")
    #expect(lines.count == 100)
    #expect(lines.allSatisfy { $0.hasPrefix("<190>") && $0.hasSuffix("]") })
  }

  /// What even the process can't keep is counted and said, even though the log that it is said in
  /// is the one that takes nothing.
  @Test func whatCannotBeLeftIsSaid() throws {
    let top = "access_log /error json; log_queue 256k;"
    let bed = try ReplacementBed(Self.answer, top: top)
    bed.world.logs.stall("/error", for: .seconds(500))
    var count = 0
    for _ in 0..<20 {
      let targets = (count..<count + 60).map { "/\($0)/" + filler(5000) }
      count += targets.count
      ask(bed, targets, after: .milliseconds(1))
      bed.run(for: .seconds(3))
      try bed.replace(Self.answer, top: top)
      bed.run(for: .seconds(1))
    }
    bed.end()
    bed.run(for: .seconds(600))
    let entries = bed.errors.compactMap(AccessLine.init)
    let reports = bed.errors.filter { $0.contains("log lines were lost") }
    let lost = reports.compactMap { text in
      text.split(separator: " ").compactMap { Int($0) }.first
    }
    #expect(entries.count < count)
    #expect(entries.count + lost.reduce(0, +) == count)
  }

  /// Two workers, a file that takes pieces and is full now and then: no line is torn or joined, in
  /// whichever order they write on.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func twoWorkersTearNoLines(_ seed: UInt64) throws {
    var faults = Faults.none
    faults.shortLogWrites = 700
    faults.fullDisks = 300
    faults.stalledLogs = 300
    let bed = try ReplacementBed(Self.answer, seed: seed, faults: faults)
    // The first worker keeps a connection, and so serves on beside the second one.
    for client in 0..<4 {
      ask(bed, (0..<30).map { "/\(client)/\($0)" }, after: .milliseconds(UInt64(1 + client)))
    }
    bed.run(for: .milliseconds(3))
    try bed.replace(Self.answer)
    for client in 4..<8 {
      ask(bed, (0..<30).map { "/\(client)/\($0)" }, after: .milliseconds(UInt64(client)))
    }
    bed.run(for: .seconds(10))
    bed.world.faults = .none
    bed.run(for: .seconds(10))
    judge(bed, count: 240)
  }

  /// A line of which a part is in the file when the log is opened anew gets its end in the old
  /// file, and comes once.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func reopeningTearsNoLines(_ seed: UInt64) throws {
    var faults = Faults.none
    faults.shortLogWrites = 1000
    faults.fullDisks = 700
    let bed = try ReplacementBed(Self.answer, seed: seed, faults: faults)
    ask(bed, (0..<50).map { "/\($0)" }, after: .milliseconds(1))
    bed.world.schedule(after: .milliseconds(200)) { world in
      world.logs.rename("/log", to: "/log.1")
      world.post(.reopenLogs)
    }
    bed.run(for: .seconds(3))
    bed.world.faults = .none
    bed.run(for: .seconds(3))
    let lines = bed.world.logs.lines(of: "/log.1") + bed.world.logs.lines(of: "/log")
    #expect(lines.compactMap(AccessLine.init).count == 50)
    #expect(lines.count == 50)
  }

  // MARK: Long lines

  /// A line that would not fit into an empty queue, or be cut by its readers, has its values cut.
  @Test(arguments: ["json", "text", "verbose"])
  func aLongLineIsCut(_ format: String) throws {
    let top = """
      log_format text '$request_id "$request" "$http_user_agent" $status';
      access_log /log \(format); log_queue 256k; large_client_header_buffers 4 64k;
      """
    let bed = try EngineBed(Self.answer, top: top)
    let agent = String(repeating: "\u{e4}\\\"", count: 12_000)
    let target = "/" + filler(50_000)
    let client = bed.client([
      .send(get(target, "User-Agent: \(agent)\r\n")), .awaitResponse,
      .send(get("/short")), .awaitResponse, .close,
    ])
    #expect(bed.run() == .quiet)
    bed.end()
    let lines = bed.world.logs.lines(of: "/log")
    #expect(lines.count == 2)
    #expect(lines.allSatisfy { $0.utf8.count < 16 * 1024 })
    let id = try #require(bed.record(client).messages.first?.value(of: "x-request-id"))
    #expect(lines[0].contains(id))
    if format == "json" {
      let line = try #require(AccessLine(lines[0]))
      #expect(lines[0].hasSuffix(",\"cut\":true}"))
      #expect(target.hasPrefix(line["uri"] ?? "?"))
      #expect(!lines[1].contains("cut"))
    } else {
      #expect(lines[0].contains("...[cut]"))
      #expect(!lines[1].contains("[cut]"))
    }
    #expect(bed.errors.filter { $0.contains("lost") }.isEmpty)
  }

  /// Values up to the limit are whole, and the limit is the conf file's.
  @Test(arguments: [(8, "8k"), (1, "1k"), (64, "64k")])
  func theLimitIsTheConfFiles(_ kilobytes: Int, _ text: String) throws {
    let top = "large_client_header_buffers 4 64k; log_value_length \(text);"
    let bed = try EngineBed(Self.answer, top: top)
    let targets = [800, 1_100, 8_000, 8_300, 50_000].map { "/" + filler($0) }
    bed.client(Self.actions(targets))
    #expect(bed.run() == .quiet)
    bed.end()
    let lines = bed.world.logs.lines(of: "/log")
    #expect(lines.count == targets.count)
    for (target, line) in zip(targets, lines) {
      let isCut = target.utf8.count > kilobytes * 1024
      #expect(line.hasSuffix(",\"cut\":true}") == isCut)
      #expect((AccessLine(line)?["uri"] == target) == !isCut)
    }
  }

  /// Error lines of one turn that do not fit together are written in two parts, not lost.
  @Test func errorLinesOfOneTurnAreNotLost() throws {
    let top = "access_log off; log_queue 256k; large_client_header_buffers 4 64k;"
    let bed = try EngineBed(top: top)
    bed.backend(.connecting([.refused]))
    let count = 60
    for number in 0..<count {
      bed.client([.pause(.seconds(1)), .send(get("/\(number)" + filler(20_000))), .awaitResponse])
    }
    bed.run(for: .seconds(10))
    #expect(bed.errors.filter { $0.contains("lost") }.isEmpty)
    #expect(bed.errors.allSatisfy { $0.utf8.count < 16 * 1024 })
    #expect(bed.errors.filter { $0.contains("connection_refused") }.count >= count)
  }
}
