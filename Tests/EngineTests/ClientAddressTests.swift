import Basics
import Scenarios
import Simulation
import Testing

/// Who is said to be the client: the socket's peer, a PROXY protocol header, or a trusted proxy's
/// field.
struct ClientAddressTests {
  private func bed(_ server: String) throws -> EngineBed {
    EngineBed(try EngineBed.plan(server + EngineBed.proxy, listen: "proxy_protocol"))
  }

  private static let announced = "PROXY TCP4 192.0.2.7 10.0.0.9 5555 80\r\n"

  /// The header is read in any pieces, and may be followed by the request at once or later.
  @Test(arguments: [1, 7, 1_000])
  func aProxyHeaderNamesTheClient(pieces: Int) throws {
    let bed = try bed("set_real_ip_from 0.0.0.0/0; real_ip_header proxy_protocol;")
    let backend = bed.backend()
    let bytes = Array((Self.announced + get()).utf8)
    bed.client([
      .sendPieces(bytes, size: pieces, every: .milliseconds(1)), .awaitResponse, .send(get()),
      .awaitResponse,
    ])
    bed.finish(requests: 2)
    #expect(bed.ends.map { $0["client"] } == ["192.0.2.7:5555", "192.0.2.7:5555"])
    let chain = bed.world.requests(of: backend).map { $0.value(of: "x-forwarded-for") }
    #expect(chain == ["192.0.2.7", "192.0.2.7"])
  }

  /// The header alone begins no request; the first one may come later.
  @Test func theRequestMayComeLater() throws {
    let bed = try bed("")
    bed.backend()
    let client = bed.client([
      .send(Self.announced), .pause(.seconds(2)), .send(get()), .awaitResponse,
    ])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.status) == [200])
  }

  /// Without a good header nothing is served, as anybody could say anything in front of it.
  @Test(arguments: [get(), "PROXY TCP4 nonsense\r\n" + get(), "PROXY"])
  func withoutAHeaderTheConnectionIsClosed(bytes: String) throws {
    let bed = try bed("")
    let client = bed.client([.send(bytes), .awaitEnd])
    bed.finish(requests: 0)
    #expect(bed.record(client).messages.isEmpty)
    #expect(bed.connectionCount == 0)
  }

  /// A client that says nothing holds its place no longer than a head may take.
  @Test func aSilentConnectionIsClosed() throws {
    let bed = try bed("client_header_timeout 3s;")
    let client = bed.client([.awaitEnd])
    bed.finish(requests: 0)
    #expect(bed.record(client).messages.isEmpty)
  }

  /// The field of a trusted proxy names the client; with `recursive`, trusted proxies in the chain
  /// are passed over.
  @Test(arguments: [
    ("real_ip_header X-Real-IP;", "X-Real-IP: 10.1.1.9", "10.1.1.9"),
    ("real_ip_header X-Forwarded-For;", "X-Forwarded-For: 10.1.1.1, 192.0.2.8", "192.0.2.8"),
    (
      "real_ip_header X-Forwarded-For; real_ip_recursive on;",
      "X-Forwarded-For: 10.1.1.1, 192.0.2.8", "10.1.1.1"
    ),
  ])
  func aTrustedFieldNamesTheClient(setting: String, field: String, client: String) throws {
    let bed = try EngineBed("set_real_ip_from 192.0.2.0/24; \(setting)" + EngineBed.proxy)
    bed.backend()
    bed.client([.send(get("/", field + "\r\n")), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.ends.first?["client"] == client + ":0")
  }
}
