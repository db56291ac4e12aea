import Dispatch
import SecurePeers
import TLS
import Testing

/// What the worker of a case leaves is counted for this case alone, whatever others do beside it.
struct SessionCensusTests {
  /// A client's session, and the memory that it works in.
  private final class End: @unchecked Sendable {
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 512 * 1024, alignment: 64)
    private let transport = TLSTransportPointer.allocate(capacity: 1)
    private var session: TLSSession?

    init(_ context: TLSClientContext) throws {
      transport.initialize(to: TLSTransport(room: room))
      session = "a.example".withCString { name in
        TLSSession(context, name: TLSPeerName(bytes: name, isSent: true), resuming: nil, transport)
      }
      _ = try #require(session)
    }

    func release() {
      session?.free()
      session = nil
    }

    deinit {
      release()
      transport.deinitialize(count: 1)
      transport.deallocate()
      room.deallocate()
    }
  }

  private let context: TLSClientContext

  init() throws {
    let made = try EngineBed.compile(SecureWorld.proxy, top: SecureWorld.conf, listen: "ssl")
    context = try #require(made.tls.backends.first)
  }

  @Test func whatIsMadeIsCountedUntilItIsReleased() throws {
    let (one, other) = (SessionCensus(), SessionCensus())
    let ends = try one.counting { try [End(context), End(context)] }
    let third = try other.counting { try End(context) }
    #expect([one.count, other.count] == [2, 1])
    ends[0].release()
    other.counting { ends[1].release() }
    #expect([one.count, other.count] == [0, 1])
    third.release()
    #expect(other.count == 0)
  }

  /// As when a test of TLS alone holds sessions while the first case with a worker begins.
  @Test func strangersAreNotCounted() throws {
    let stranger = try End(context)
    let census = SessionCensus()
    census.counting { stranger.release() }
    #expect(census.count == 0)
  }

  @Test func anotherThreadMayReleaseThem() throws {
    let census = SessionCensus()
    let end = try census.counting { try End(context) }
    DispatchQueue.concurrentPerform(iterations: 8) { number in
      let own = SessionCensus()
      if number == 7 { end.release() }
      #expect(own.count == 0)
    }
    #expect(census.count == 0)
  }
}
