import Scenarios
import Simulation
import Testing

/// `request_id_cors`: page scripts of other origins may read the ID. Names are merged into the
/// backend's fields, never put in their place.
struct CrossOriginTests {
  private func response(
    _ setting: String, answer: String, to request: String
  ) throws -> WireMessage {
    let bed = try EngineBed("request_id_cors \(setting);" + EngineBed.proxy)
    bed.backend(.answering(answer))
    let client = bed.client([.send(request), .awaitResponse])
    bed.finish(requests: 1)
    return try #require(bed.record(client).messages.first)
  }

  private static let origin = "Origin: https://page.example\r\n"
  private static let allow = "Access-Control-Allow-Origin: *\r\n"
  private static let exposed = "access-control-expose-headers"
  private static let allowed = "access-control-allow-headers"

  /// The name joins what the backend exposes, once, in whatever fields and case it stands.
  @Test(arguments: [
    ("", ["X-Request-ID"]),
    ("Access-Control-Expose-Headers: ETag\r\n", ["ETag, X-Request-ID"]),
    (
      "Access-Control-Expose-Headers: A\r\nAccess-Control-Expose-Headers: B ,\tC\r\n",
      ["A, B ,\tC, X-Request-ID"]
    ),
    ("Access-Control-Expose-Headers: A, x-request-id\r\n", ["A, x-request-id"]),
    ("Access-Control-Expose-Headers: \r\n", ["X-Request-ID"]),
  ])
  func theNameIsExposed(fields: String, expected: [String]) throws {
    let answer = ok("a", Self.allow + fields)
    let message = try response("on", answer: answer, to: get("/", Self.origin))
    #expect(message.values(of: Self.exposed) == expected)
  }

  /// A preflight is told that the field may be sent, and nothing of what may be read.
  @Test func aPreflightIsToldTheName() throws {
    let request =
      "OPTIONS / HTTP/1.1\r\nHost: a\r\n\(Self.origin)Access-Control-Request-Method: PUT\r\n\r\n"
    let answer = ok("", Self.allow + "Access-Control-Allow-Headers: X-One\r\n")
    let message = try response("on", answer: answer, to: request)
    #expect(message.values(of: Self.allowed) == ["X-One, X-Request-ID"])
    #expect(message.values(of: Self.exposed).isEmpty)
  }

  /// A backend that has not opened itself stays closed.
  @Test func aClosedBackendStaysClosed() throws {
    let message = try response("on", answer: ok("a"), to: get("/", Self.origin))
    #expect(message.values(of: Self.exposed).isEmpty)
  }

  /// Answers of Waybill's own are opened to the origins that are listed, and to no others.
  @Test(arguments: [
    ("https://page.example", ["https://page.example"]), ("https://other.example", []),
    ("https://page.exampl", []),
  ])
  func ownAnswersAreOpenedToListedOrigins(origin: String, allowed: [String]) throws {
    let bed = try EngineBed(
      "request_id_cors https://b.example https://page.example; \(EngineBed.proxy)")
    let client = bed.client([.send(get("/", "Origin: \(origin)\r\n")), .awaitResponse])
    bed.finish(requests: 1)
    let message = try #require(bed.record(client).messages.first)
    #expect(message.status == 502)
    #expect(message.values(of: "access-control-allow-origin") == allowed)
    #expect(message.values(of: Self.exposed) == (allowed.isEmpty ? [] : ["X-Request-ID"]))
    let chosenBy = allowed.isEmpty ? ["Accept"] : ["Origin", "Accept"]
    #expect(message.values(of: "vary") == chosenBy)
  }
}
