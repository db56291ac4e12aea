import Certificates
import TLS
import Testing

@Suite struct HandshakeTests {
  @Test(arguments: [1, 2, 3, 5, 64, 1000, Int.max])
  func completesInPiecesOfAnySize(piece: Int) throws {
    let bed = try TLSBed(
      [("a.example", TLSBed.serverContext())], client: TLSBed.clientContext())
    bed.shake(piece: piece)
    #expect(bed.server.failure?.reason.text == nil)
    #expect(bed.client.isDone && bed.server.isDone)
    #expect(bed.asked == "a.example")
    #expect(bed.server.session?.protocolName.text == "TLSv1.3")
    #expect(bed.server.session?.serverName?.text == "a.example")
    #expect(bed.server.session?.isResumed == false)
    #expect(bed.server.session?.clientCertificate == TLSSession.ClientCertificate.none)
  }

  @Test(arguments: [TLSVersions.tls12, .tls13])
  func carriesContentOfAnySize(version: TLSVersions) throws {
    let server = try TLSBed.serverContext { $0.common.versions = version }
    let bed = try TLSBed([("a.example", server)], client: TLSBed.clientContext())
    bed.shake()
    for count in [1, 2, 16_383, 16_384, 16_385, 100_000] {
      let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      #expect(bed.carry(content, from: bed.client, to: bed.server) == content)
      #expect(bed.carry(content, from: bed.server, to: bed.client, piece: 777) == content)
    }
  }

  /// Wherever the connection is cut, nothing is complete, nothing fails and nothing is made up.
  @Test func aFlightCutAnywhereAsksForMore() throws {
    let server = try TLSBed.serverContext()
    let client = try TLSBed.clientContext()
    let whole = TLSBed([("a.example", server)], client: client)
    _ = whole.client.with(0) { $0.handshake() }
    let hello = whole.client.takeOutput()
    for count in 0..<hello.count {
      let bed = TLSBed([("a.example", server)], client: client)
      bed.server.arriving = Array(hello.prefix(count))
      guard case .needsInput? = bed.server.with(.max, { $0.handshake() }) else {
        Issue.record("after \(count) bytes")
        continue
      }
      #expect(bed.server.takeOutput().isEmpty)
    }
  }

  /// A changed byte is refused or harmless; it never opens a session that reads other bytes.
  @Test func aChangedByteNeverGoesThrough() throws {
    let server = try TLSBed.serverContext()
    let client = try TLSBed.clientContext()
    let whole = TLSBed([("a.example", server)], client: client)
    _ = whole.client.with(0) { $0.handshake() }
    let count = whole.client.takeOutput().count
    for position in 0..<count {
      let bed = TLSBed([("a.example", server)], client: client)
      _ = bed.client.with(0) { $0.handshake() }
      var hello = bed.client.takeOutput()
      guard position < hello.count else { continue }
      hello[position] ^= 0x41
      bed.server.arriving = hello
      bed.shake()
      guard bed.client.isDone && bed.server.isDone else { continue }
      // The version in a record's header means nothing any more (RFC 8446 section 5.1).
      #expect((1...2).contains(position), "position \(position)")
      #expect(bed.carry([1, 2, 3], from: bed.client, to: bed.server) == [1, 2, 3])
    }
  }

  @Test func theNameChoosesTheServer() throws {
    let other = TLSBed.authority.issue("b.example")
    let contexts = try [
      ("a.example", TLSBed.serverContext()), ("b.example", TLSBed.serverContext(other)),
    ]
    let bed = try TLSBed(contexts, client: TLSBed.clientContext(), name: "b.example")
    bed.shake()
    #expect(bed.client.isDone && bed.server.isDone)
  }

  /// What a server's block says holds for those who ask for it, and not what the default says.
  @Test func theChosenServersRulesHold() throws {
    let contexts = try [
      ("a.example", TLSBed.serverContext()),
      (
        "b.example",
        TLSBed.serverContext(TLSBed.authority.issue("b.example")) { settings in
          settings.common.versions = .tls12
          settings.common.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"
        }
      ),
    ]
    let bed = try TLSBed(contexts, client: TLSBed.clientContext(), name: "b.example")
    bed.shake()
    #expect(bed.server.session?.protocolName.text == "TLSv1.2")
    #expect(bed.server.session?.cipherName.text == "ECDHE-ECDSA-AES256-GCM-SHA384")
  }

  @Test func aRejectedNameGetsAnAlert() throws {
    let contexts = try [
      ("", TLSBed.serverContext { $0.rejectsHandshake = true }),
      ("a.example", TLSBed.serverContext()),
    ]
    let bed = try TLSBed(contexts, client: TLSBed.clientContext(), name: "c.example")
    bed.shake()
    #expect(bed.server.failure != nil)
    #expect(bed.client.failure?.reason.text == "tlsv1 unrecognized name")
    #expect(bed.client.failure?.kind == .alert)
  }

  @Test(arguments: [("b.example", -1...30), ("a.example", -3 ... -1), ("a.example", 1...3)])
  func aCertificateThatDoesNotHoldIsRefused(name: String, days: ClosedRange<Int>) throws {
    let pair = TLSBed.authority.issue(name, days: days)
    let bed = try TLSBed(
      [("a.example", TLSBed.serverContext(pair))], client: TLSBed.clientContext())
    bed.shake()
    #expect(bed.client.failure?.kind == .certificate)
  }

  @Test func anUnknownAuthorityIsRefusedUnlessNotAskedFor() throws {
    let stranger = TestAuthority("Stranger").issue("a.example")
    let server = try TLSBed.serverContext(stranger)
    let refused = try TLSBed([("a.example", server)], client: TLSBed.clientContext())
    refused.shake()
    #expect(refused.client.failure?.kind == .certificate)
    #expect(refused.client.failure?.reason.text.contains("issuer") == true)
    let careless = try TLSBed(
      [("a.example", server)], client: TLSBed.clientContext { $0.verifies = false })
    careless.shake()
    #expect(careless.client.isDone)
  }

  @Test func theEndIsToldToThePeer() throws {
    let bed = try TLSBed(
      [("a.example", TLSBed.serverContext())], client: TLSBed.clientContext())
    bed.shake()
    bed.server.session?.end()
    bed.client.arriving += bed.server.takeOutput()
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 100, alignment: 16)
    defer { memory.deallocate() }
    guard case .over(.end)? = bed.client.with(.max, { $0.read(into: memory) }) else {
      Issue.record("no end")
      return
    }
  }
}
