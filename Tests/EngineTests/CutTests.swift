import Basics
import Plan
import Scenarios
import Simulation
import Testing

/// The same bytes in two pieces, cut at every place: whoever reads them must come to the same
/// result. A head, a chunk size or a trailer that is cut in the middle is where parsers go wrong.
struct CutTests {
  /// What a client sends, and what a backend answers, on one connection each.
  struct Scenario: Sendable, CustomTestStringConvertible {
    let name: String
    let request: String
    let response: String
    let answers: Int
    let plan: Plan
    var testDescription: String { name }
  }

  /// What the outside sees of a run, but for IDs and times.
  private struct Outcome: Equatable {
    var received: [String] = []
    var asked: [String] = []
    var lines: [String] = []
  }

  private static let chunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
    + "5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n"

  static func scenarios() throws -> [Scenario] {
    let plan = try EngineBed.plan()
    return [
      Scenario(
        name: "length", request: post("hello world") + get("/second"),
        response: "HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n" + ok("content", "X-A: b\r\n"),
        answers: 2, plan: plan),
      Scenario(
        name: "chunked",
        request: chunkedHead("Trailer: X-C\r\n")
          + "3\r\nabc\r\n4;x=\"y\"\r\ndefg\r\n0\r\nX-C: 2\r\nX-D: 3\r\n\r\n" + get("/second"),
        response: chunked, answers: 2, plan: plan),
      Scenario(
        name: "upgrade",
        request: get("/", "Connection: upgrade\r\nUpgrade: x\r\n") + "from the client",
        response:
          "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nfrom the backend",
        answers: 1, plan: plan),
      Scenario(
        name: "malformed", request: "GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
        response: ok(""), answers: 1, plan: plan),
    ]
  }

  private func run(_ scenario: Scenario, request: [PeerAction], response: [PeerAction]) -> Outcome {
    let bed = EngineBed(scenario.plan)
    let isTunnel = scenario.name == "upgrade"
    let ending: [PeerAction] = isTunnel ? [.finishSending, .awaitEnd, .close] : []
    let backend = bed.backend(.performing(response + ending))
    let client = bed.client(
      request + Array(repeating: .awaitResponse, count: scenario.answers)
        + (isTunnel ? [.finishSending, .awaitEnd] : []))
    bed.finish(requests: scenario.answers)
    var outcome = Outcome()
    let hidden: Set<String> = ["x-request-id", "date"]
    func shape(_ message: WireMessage) -> String {
      let fields = message.fields.filter { !hidden.contains($0.name.lowercased()) }
      return "\(message.startLine) \(fields) \(message.text) \(message.trailers)"
    }
    outcome.received = bed.record(client).messages.map(shape)
    outcome.asked = bed.world.requests(of: backend).map(shape)
    if isTunnel {
      outcome.received.append(String(bed.record(client).text.suffix(20)))
      outcome.asked.append(
        String(bed.world.connections(of: backend).first?.text.suffix(20) ?? ""))
    }
    outcome.lines = bed.ends.map { line in
      ["status", "bytes_in", "bytes_out", "uri", "error", "termination", "upstream_status"]
        .map { line[$0] ?? "-" }.joined(separator: " ")
    }
    return outcome
  }

  private func pieces(_ text: String, cutAt place: Int) -> [PeerAction] {
    let bytes = Array(text.utf8)
    return [
      .sendBytes(Array(bytes[..<place])), .pause(.milliseconds(2)),
      .sendBytes(Array(bytes[place...])),
    ]
  }

  @Test(arguments: try scenarios())
  func theRequestMayBeCutAnywhere(_ scenario: Scenario) {
    let whole = run(
      scenario, request: [.send(scenario.request)], response: [.send(scenario.response)])
    #expect(whole.lines.count == scenario.answers)
    for place in 1..<scenario.request.utf8.count {
      let cut = run(
        scenario, request: pieces(scenario.request, cutAt: place),
        response: [.send(scenario.response)])
      #expect(cut == whole, "cut at \(place)")
    }
  }

  @Test(arguments: try scenarios())
  func theResponseMayBeCutAnywhere(_ scenario: Scenario) {
    let whole = run(
      scenario, request: [.send(scenario.request)], response: [.send(scenario.response)])
    for place in 1..<scenario.response.utf8.count {
      let cut = run(
        scenario, request: [.send(scenario.request)],
        response: pieces(scenario.response, cutAt: place))
      #expect(cut == whole, "cut at \(place)")
    }
  }
}
