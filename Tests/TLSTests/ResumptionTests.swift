import Certificates
import TLS
import Testing

@Suite struct ResumptionTests {
  /// A session of an earlier connection to `server`.
  private func saved(
    _ server: TLSServerContext, _ client: TLSClientContext, name: String = "a.example"
  ) throws -> TLSSavedSession {
    let bed = TLSBed([(name, server)], client: client, name: name)
    bed.shake()
    // Tickets come behind the handshake.
    _ = bed.carry([1], from: bed.server, to: bed.client)
    let session = try #require(bed.client.session)
    // A connection that breaks off takes its session with it.
    defer { session.end() }
    return try #require(session.saved())
  }

  private func isResumed(
    _ session: TLSSavedSession, _ server: TLSServerContext, _ client: TLSClientContext
  ) -> Bool? {
    let bed = TLSBed([("a.example", server)], client: client, resuming: session)
    bed.shake()
    #expect(bed.client.isDone && bed.server.isDone)
    defer { bed.client.session?.end() }
    return bed.server.session?.isResumed
  }

  @Test(arguments: [TLSVersions.tls12, .tls13])
  func aTicketIsTakenUntilItsKeyIsGone(version: TLSVersions) throws {
    let keys = TicketKeys(interval: 100)
    let server = try TLSBed.serverContext(keys: keys) { $0.common.versions = version }
    let client = try TLSBed.clientContext()
    let session = try saved(server, client)
    defer { session.free() }
    #expect(isResumed(session, server, client) == true)
    keys.rotate(now: 1050)
    #expect(isResumed(session, server, client) == true)
    // The key before the newest one still opens.
    keys.rotate(now: 1100)
    #expect(isResumed(session, server, client) == true)
    keys.rotate(now: 1200)
    #expect(isResumed(session, server, client) == false)
  }

  /// The process that takes this one's place opens what was sealed here, and replaces keys when
  /// this one would have.
  @Test func aTicketIsTakenByAnotherProcess() throws {
    let keys = TicketKeys(interval: 100)
    let client = try TLSBed.clientContext()
    keys.rotate(now: 1000)
    let session = try saved(try TLSBed.serverContext(keys: keys), client)
    defer { session.free() }
    let others = TicketKeys(interval: 100)
    let server = try TLSBed.serverContext(keys: others)
    others.adopt([])
    others.adopt([1, 2, 3])
    others.rotate(now: 1000)
    #expect(isResumed(session, server, client) == false)
    others.adopt(keys.exported)
    others.rotate(now: 1099)
    #expect(others.exported == keys.exported && others.exported.count == 88)
    #expect(isResumed(session, server, client) == true)
    others.rotate(now: 1100)
    #expect(others.exported.count == 168)
    #expect(isResumed(session, server, client) == true)
    #expect(TicketKeys(interval: 100).exported.isEmpty)
  }

  /// Clients use a ticket of TLS 1.3 once, so that nobody can tell their connections together.
  @Test func aResumedSessionBringsATicketOfItsOwn() throws {
    let server = try TLSBed.serverContext()
    let client = try TLSBed.clientContext()
    let session = try saved(server, client)
    defer { session.free() }
    let bed = TLSBed([("a.example", server)], client: client, resuming: session)
    bed.shake()
    #expect(bed.server.session?.isResumed == true)
    // What comes behind the handshake is the ticket.
    #expect(bed.client.isDone && !bed.client.arriving.isEmpty)
    bed.client.session?.end()
  }

  @Test func otherServersWithTheSameKeysTakeItOnlyWithTheSameIdentity() throws {
    let keys = TicketKeys(interval: 100)
    let first = try TLSBed.serverContext(keys: keys) { $0.identity = "one" }
    let twin = try TLSBed.serverContext(keys: keys) { $0.identity = "one" }
    let stricter = try TLSBed.serverContext(keys: keys) { settings in
      settings.identity = "one"
      settings.common.authorities = [TLSFile(path: "ca", bytes: TLSBed.authority.pem)]
    }
    let other = try TLSBed.serverContext(keys: keys) { $0.identity = "two" }
    let client = try TLSBed.clientContext()
    let session = try saved(first, client)
    defer { session.free() }
    #expect(isResumed(session, twin, client) == true)
    #expect(isResumed(session, stricter, client) == false)
    #expect(isResumed(session, other, client) == false)
  }

  @Test func withoutTicketsNothingIsSaved() throws {
    let server = try TLSBed.serverContext { $0.usesTickets = false }
    let bed = try TLSBed([("a.example", server)], client: TLSBed.clientContext())
    bed.shake()
    _ = bed.carry([1], from: bed.server, to: bed.client)
    #expect(bed.client.session?.saved() == nil)
  }
}
