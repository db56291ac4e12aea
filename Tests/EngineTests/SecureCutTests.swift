import Basics
import Plan
import Scenarios
import SecurePeers
import Simulation
import TLS
import Testing

/// What lies on a connection comes in pieces: handshakes, records, keys. Each may be cut anywhere.
struct SecureCutTests {
  private static let compiled = Result {
    try EngineBed.compile(SecureWorld.proxy, top: SecureWorld.conf, listen: "ssl")
  }
  private let upgrade = get("/", "Connection: upgrade\r\nUpgrade: echo\r\n")

  /// A small exchange and a tunnel; who is cut pauses behind the byte given. Returns how many bytes
  /// it put on its connection; nil when something was not as it is without a cut.
  private func play(
    _ version: SecureContext.Version, cutsClient: Bool, at place: Int
  ) throws -> Int? {
    let made = try Self.compiled.get()
    let bed = EngineBed(made.plan, tls: made.tls)
    let cut = PeerAction.cut(behind: place, pause: .milliseconds(20))
    var behaviour = BackendBehaviour.echo.secured(version)
    let opening = behaviour.onConnection
    behaviour.onConnection = { (cutsClient ? [] : [cut]) + opening($0) }
    let backend = bed.backend(behaviour)
    let id = bed.client(
      (cutsClient ? [cut] : []) + [
        SecureWorld.client(version), .send(post("content")), .awaitResponse, .send(upgrade),
        .awaitResponse, .send("through the tunnel"), .finishSending, .awaitEnd,
      ])
    bed.finish(requests: 2)
    let client = bed.record(id)
    let isWell =
      client.messages.map(\.status) == [200, 101] && client.messages.first?.text == "content"
      && client.text.hasSuffix("\r\n\r\nthrough the tunnel") && client.hasEnd
      && client.ending == .completed && bed.ends.allSatisfy { $0.termination == "" }
    #expect(isWell && bed.errors.isEmpty, "cut behind \(place): \(bed.errors)")
    guard isWell else { return nil }
    return cutsClient ? client.wireCount : bed.world.connections(of: backend)[0].wireCount
  }

  /// Wherever the bytes of either peer are cut, all goes on as if they had come whole.
  @Test(arguments: SecureContext.Version.allCases, [true, false])
  func bytesMayBeCutAnywhere(_ version: SecureContext.Version, cutsClient: Bool) throws {
    var place = 1
    while let count = try play(version, cutsClient: cutsClient, at: place), place < count {
      place += 1
    }
    // A handshake alone is longer: nothing was left out.
    #expect(place > 400)
  }
}
