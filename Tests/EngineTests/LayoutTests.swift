import Basics
import Scenarios
import Simulation
import Testing

@testable import Engine

/// What a connection costs while nothing happens on it.
struct LayoutTests {
  /// Ten thousand idle clients are ten thousand of these: a field added here without thought would
  /// show up as megabytes.
  @Test func aConnectionIsSmall() {
    #expect(MemoryLayout<Connection>.stride <= 300)
  }

  /// A kept-alive client that sends nothing holds no buffer: else each would cost 16 KiB.
  @Test func anIdleConnectionHoldsNoBuffer() throws {
    let bed = try EngineBed()
    bed.backend()
    for _ in 0..<3 {
      bed.client([.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), .awaitResponse, .pause(.seconds(9))])
    }
    bed.run(for: .seconds(5))
    #expect(bed.connectionCount == 6)
    #expect(bed.buffersInUse == 0)
    #expect(bed.exchangeCount == 0)
    bed.finish(requests: 3)
  }
}
