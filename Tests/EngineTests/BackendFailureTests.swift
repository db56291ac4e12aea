import Basics
import Scenarios
import Simulation
import Testing

/// Backends that fail: what the client and the log are told.
struct BackendFailureTests {
  struct Failure: Sendable, CustomTestStringConvertible {
    let name: String
    var outcome = ConnectOutcome.accepted
    var actions: [PeerAction] = []
    var status = 502
    let error: String
    let termination: String
    var testDescription: String { name }
  }

  static let failures = [
    Failure(
      name: "refused", outcome: .refused, error: "connection_refused",
      termination: "upstream:connect"),
    Failure(
      name: "unreachable", outcome: .unreachable, error: "destination_ip_unroutable",
      termination: "upstream:connect"),
    Failure(
      name: "silent connect", outcome: .silent, status: 504, error: "connection_timeout",
      termination: "upstream:connect"),
    Failure(
      name: "reset at once", actions: [.reset], error: "connection_terminated",
      termination: "upstream:response_head"),
    Failure(
      name: "closed at once", actions: [.close], error: "connection_terminated",
      termination: "upstream:response_head"),
    Failure(
      name: "closed in the head", actions: [.send("HTTP/1.1 200 OK\r\nContent-"), .close],
      error: "http_response_incomplete", termination: "upstream:response_head"),
    Failure(
      name: "reset in the head",
      actions: [.send("HTTP/1.1 200 OK\r\nContent-"), .pause(.seconds(1)), .reset],
      error: "connection_terminated", termination: "upstream:response_head"),
    Failure(
      name: "garbage", actions: [.send("220 mail.example ESMTP\r\n\r\n"), .close],
      error: "http_protocol_error", termination: "upstream:response_head"),
    Failure(
      name: "two lengths",
      actions: [.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")],
      error: "http_protocol_error", termination: "upstream:response_head"),
    Failure(
      name: "a bad chunk together with the head",
      actions: [.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n")],
      error: "http_protocol_error", termination: "upstream:response_body"),
    Failure(
      name: "endless head",
      actions: [.send("HTTP/1.1 200 OK\r\nX: \(filler(70_000))")],
      error: "http_response_header_section_size", termination: "upstream:response_head"),
    Failure(
      name: "too many interim responses",
      actions: [.send(String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 17))],
      error: "http_protocol_error", termination: "upstream:response_head"),
    Failure(
      name: "silent", actions: [.pause(.seconds(100))], status: 504, error: "http_response_timeout",
      termination: "upstream:response_head"),
  ]

  /// Each failure before the response has its status, its error type and the phase.
  @Test(arguments: failures)
  func aFailureBeforeTheResponseIsAnswered(_ failure: Failure) throws {
    let bed = try EngineBed()
    var behaviour = BackendBehaviour.performing(failure.actions)
    behaviour.connectOutcome = { _ in failure.outcome }
    bed.backend(behaviour)
    let client = bed.client([.send(get()), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).finalMessages.map(\.status) == [failure.status])
    let line = try #require(bed.ends.first)
    #expect(line.status == failure.status)
    #expect(line.error == failure.error)
    #expect(line.termination == failure.termination)
    #expect(bed.errors.contains { $0.contains("[req-\(line.id)]") })
  }

  struct Cut: Sendable, CustomTestStringConvertible {
    let name: String
    let response: String
    let ending: [PeerAction]
    var error = "http_response_incomplete"
    var testDescription: String { name }
  }

  static let cuts = [
    Cut(
      name: "length", response: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
      ending: [.close]),
    Cut(
      name: "chunked",
      response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
      ending: [.close]),
    Cut(
      name: "trailers",
      response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n",
      ending: [.close]),
    Cut(
      name: "reset", response: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
      ending: [.pause(.seconds(1)), .reset], error: "connection_terminated"),
    Cut(
      name: "bad chunk",
      response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
      ending: [.pause(.seconds(1)), .send("zz\r\n")], error: "http_protocol_error"),
    Cut(
      name: "stalled", response: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
      ending: [.pause(.seconds(100))], error: "http_response_timeout"),
  ]

  /// A response that breaks off must not look complete to the client, whatever its framing.
  @Test(arguments: cuts)
  func aCutResponseLooksCut(_ cut: Cut) throws {
    let bed = try EngineBed()
    bed.backend(.performing([.send(cut.response)] + cut.ending))
    let client = bed.client([.send(get()), .awaitResponse])
    bed.finish(requests: 1)
    let record = bed.record(client)
    #expect(record.finalMessages.isEmpty)
    #expect(record.partialMessage?.text == "abc")
    let line = try #require(bed.ends.first)
    #expect(line.status == 200 && line.termination == "upstream:response_body")
    #expect(line.error == cut.error)
    #expect(line.bytesOut == 3 && line["level"] == "ERROR")
  }

  /// To an HTTP/1.0 client the end of the connection means the end of the content: only a reset can
  /// say that it was cut.
  @Test func anUnframedCutIsAReset() throws {
    let bed = try EngineBed()
    bed.backend(
      .performing([
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        .pause(.seconds(1)), .close,
      ]))
    let client = bed.client([.send("GET / HTTP/1.0\r\n\r\n"), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).wasReset)
    #expect(bed.record(client).finalMessages.isEmpty)
  }

  /// What a backend says before it stops reading is the answer, not the broken pipe behind it.
  @Test func anAnswerBeforeTheResetCounts() throws {
    let bed = try EngineBed()
    var behaviour = BackendBehaviour()
    behaviour.onHead = { _ in
      [
        .send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"), .finishSending,
        .pause(.seconds(2)), .close,
      ]
    }
    bed.backend(behaviour)
    let client = bed.client([.send(post(filler(1_000_000))), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).finalMessages.map(\.status) == [401])
  }
}
