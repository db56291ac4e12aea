import Basics
import Platform
import Scenarios
import Simulation
import Testing

/// `sync=response`: no response is whole before its line is in the file.
struct WriteAheadTests {
  private static let ahead = "access_log /log json sync=response;"
  private static let answer = "location / { return 200 fine; }"

  /// Where the last write to a socket and the first one to the log stand in the order of things.
  private func order(_ server: String, top: String, _ response: BackendBehaviour?) throws
    -> (socket: Int, log: Int)
  {
    let bed = try EngineBed(server, top: top)
    bed.world.trace.keepsLines = true
    if let response { bed.backend(response) }
    bed.client([.send(get()), .awaitResponse])
    #expect(bed.run() == .quiet)
    let events = bed.world.trace.lines.map { $0.split(separator: " ")[1] }
    let order = (
      socket: try #require(events.lastIndex(of: "write")),
      log: try #require(events.firstIndex(of: "writeLog"))
    )
    bed.finish(requests: 1)
    return order
  }

  private static let responses = [
    ok("a whole one"), ok(filler(300_000)),
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
  ]

  @Test(arguments: responses)
  func theLineComesBeforeTheResponse(_ response: String) throws {
    let backend = BackendBehaviour.answering(response)
    let normal = try order(EngineBed.proxy, top: "", backend)
    #expect(normal.socket < normal.log)
    let ahead = try order(EngineBed.proxy, top: Self.ahead, backend)
    #expect(ahead.log < ahead.socket)
  }

  @Test func answersOfItsOwnWaitForTheirLinesToo() throws {
    let normal = try order(Self.answer, top: "", nil)
    #expect(normal.socket < normal.log)
    let ahead = try order(Self.answer, top: Self.ahead, nil)
    #expect(ahead.log < ahead.socket)
    let refusal = try order("location /other { return 204; }", top: Self.ahead, nil)
    #expect(refusal.log < refusal.socket)
  }

  /// The lines say the same as in the normal mode.
  @Test(arguments: responses)
  func theLineSaysAll(_ response: String) throws {
    var lines: [[String?]] = []
    for top in ["", Self.ahead] {
      let bed = try EngineBed(top: top)
      bed.backend(.answering(response))
      bed.client([.send(get()), .awaitResponse])
      #expect(bed.run() == .quiet)
      let line = try #require(bed.ends.first)
      let keys = ["status", "bytes_in", "bytes_out", "upstream", "upstream_status", "termination"]
      lines.append(keys.map { line[$0] } + ["\(line["upstream_duration"] != nil)"])
      bed.finish(requests: 1)
    }
    #expect(lines[0] == lines[1])
  }

  /// Pipelined requests and many clients at once, through sockets that take a few bytes at a time.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func everyRequestIsServed(_ seed: UInt64) throws {
    let bed = EngineBed(
      try EngineBed.plan(top: Self.ahead), seed: seed, faults: .fragmenting)
    bed.backend()
    for _ in 0..<10 {
      let three = get("/1") + get("/2") + get("/3")
      bed.client([.send(three), .awaitResponse, .awaitResponse, .awaitResponse])
    }
    #expect(bed.run() == .quiet)
    bed.finish(requests: 30)
  }

  /// The lines of all responses of a turn are one write.
  @Test func aTurnHasOneWrite() throws {
    let bed = try EngineBed(Self.answer, top: Self.ahead)
    for _ in 0..<50 { bed.client([.pause(.seconds(1)), .send(get()), .awaitResponse]) }
    #expect(bed.run() == .quiet)
    #expect(bed.world.calls.logWrites <= 3)
    bed.finish(requests: 50)
  }

  /// A log that can't be written holds no response up, and what was not kept is said.
  @Test func aStalledLogIsSaid() throws {
    let bed = try EngineBed(Self.answer, top: Self.ahead)
    bed.world.logs.stall("/log", for: .seconds(10))
    let client = bed.client((0..<30).flatMap { [.send(get("/\($0)")), .awaitResponse] })
    #expect(bed.run() == .quiet)
    #expect(bed.record(client).messages.count == 30)
    #expect(bed.ends.isEmpty)
    bed.run(for: .seconds(12))
    #expect(bed.ends.count == 30)
    let mark = "30 responses were sent before their lines were in this log: /log"
    #expect(bed.errors.filter { $0.contains(mark) }.count == 1)
    bed.end()
  }

  /// A client that leaves before it has taken what its line promises has a line in the error log.
  @Test func aResponseThatWasNotTakenIsSaid() throws {
    var network = NetworkSettings()
    network.sendBuffer = 4096
    network.receiveBuffer = 4096
    let answer = "location / { return 200 \(filler(20_000)); }"
    let bed = try EngineBed(answer, top: Self.ahead, network: network)
    bed.client([.stopReading, .send(get()), .pause(.seconds(5)), .reset])
    #expect(bed.run() == .quiet)
    bed.end()
    #expect(bed.ends.map(\.status) == [200])
    let mark = "although its line says so: ended by the client in phase response_body"
    #expect(bed.errors.filter { $0.contains(mark) }.count == 1)
  }
}
