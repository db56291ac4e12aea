import Basics
import Scenarios
import SecurePeers
import Simulation
import Testing

/// Records that only a client of ill will makes, sealed with the right keys.
struct SecureRecordTests {
  private static let fine = "location / { return 200 fine; }"

  /// A client that sends what `make` forges, and then waits for an answer. OpenSSL does not know of
  /// those records, so it can seal no end behind them.
  private func play(
    _ bed: EngineBed, _ make: @escaping @Sendable (inout RecordForge) -> [UInt8]
  ) -> ClientID {
    bed.client([
      SecureWorld.client(farewell: .transportOnly),
      SecureWorld.misbehaving { peer in
        guard var forge = RecordForge(peer) else { return [] }
        return make(&forge)
      },
      .awaitResponse,
    ])
  }

  /// The forge is worth something: what it seals in good order is served, padding and all.
  @Test func forgedRecordsAreOpened() throws {
    let bed = try EngineBed(secure: Self.fine)
    let client = play(bed) { forge in
      let bytes = Array(get().utf8)
      return forge.record(Array(bytes[..<10])) + forge.record(Array(bytes[10...]), padding: 900)
    }
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.text) == ["fine"])
    #expect(bed.errors.isEmpty)
  }

  /// A few records without content are nothing; a flood of them is no way to keep a worker busy.
  @Test(arguments: [5, 20_000])
  func emptyRecordsAreBounded(count: Int) throws {
    let bed = try EngineBed(secure: Self.fine)
    let client = play(bed) { forge in
      (0..<count).flatMap { _ in forge.record([]) } + forge.record(Array(get().utf8))
    }
    let isFlood = count > 100
    bed.finish(requests: isFlood ? 0 : 1, in: .hostile)
    #expect(bed.record(client).messages.count == (isFlood ? 0 : 1))
    #expect(bed.errors.count { $0.contains("the session is broken") } == (isFlood ? 1 : 0))
  }

  /// The largest record is opened, content or padding, and one that is larger is not.
  @Test(arguments: [0, 1])
  func theLargestRecordIsTheLast(excess: Int) throws {
    let bed = try EngineBed(secure: Self.fine)
    let begin = Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 16400\r\n\r\n".utf8)
    let client = play(bed) { forge in
      let content = begin + Array(repeating: 65, count: 16_384 - begin.count + excess)
      return forge.record(content)
        + forge.record(Array(repeating: 65, count: 16_400 + begin.count - content.count))
    }
    bed.finish(requests: excess == 0 ? 1 : 0, in: .hostile)
    #expect(bed.record(client).messages.count == (excess == 0 ? 1 : 0))
    #expect(bed.errors.count { $0.contains("the session is broken") } == excess)
  }

  /// Alerts that only warn are not counted as content, nor answered for ever.
  @Test func warningsAreBounded() throws {
    let bed = try EngineBed(secure: Self.fine)
    let client = play(bed) { forge in
      (0..<5_000).flatMap { _ in forge.record([1, 90], type: 21) }
    }
    bed.finish(requests: 0, in: .hostile)
    #expect(bed.record(client).messages.isEmpty)
    #expect(bed.connectionCount == 0)
  }

  /// A handshake message that nobody may send any more breaks the session.
  @Test func aSecondHelloIsRefused() throws {
    let bed = try EngineBed(secure: Self.fine)
    let client = play(bed) { forge in forge.record([1, 0, 0, 2, 3, 3], type: 22) }
    bed.finish(requests: 0, in: .hostile)
    #expect(bed.record(client).securityFailure != nil || bed.record(client).isOver)
    #expect(bed.errors.count { $0.contains("the session is broken") } == 1)
  }
}
