import Basics
import Scenarios
import Simulation
import Testing

/// Content that passes through stages: whatever the network does to it, the client gets all of it,
/// or can tell that it did not, and nothing is left behind (`finish`, and the worker's checks).
struct ContentStageTests {
  private static let replacing = "sub_filter_once off; sub_filter_types *; sub_filter 2. <two>;"
  private static let content = filler(40_000)
  private static let expected = content.replacing("2.", with: "<two>")

  /// The content in chunks of odd sizes, with trailers.
  private static var chunks: String {
    var text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    var rest = Substring(content)
    var size = 1
    while !rest.isEmpty {
      let piece = rest.prefix(size)
      text += String(piece.utf8.count, radix: 16) + "\r\n" + piece + "\r\n"
      rest = rest.dropFirst(size)
      size = size * 3 % 5003 + 1
    }
    return text + "0\r\nX-Sum: 7\r\n\r\n"
  }

  @Test(arguments: 1...12) func anyPieces(seed: Int) throws {
    let plan = try EngineBed.plan(top: Self.replacing)
    let bed = EngineBed(plan, seed: UInt64(seed), faults: .fragmenting)
    let isChunked = seed % 2 == 0
    bed.backend(.answering(isChunked ? Self.chunks : ok(Self.content)))
    let client = bed.client([
      .send(get()), .awaitResponse, .send(get("/again")), .awaitResponse, .close,
    ])
    bed.finish(requests: 2)
    for message in bed.record(client).messages {
      #expect(message.text == Self.expected)
      #expect(message.isChunked)
      #expect(message.trailers.map(\.value) == (isChunked ? ["7"] : []))
    }
    #expect(bed.ends.map(\.status) == [200, 200])
  }

  /// A client that reads slowly holds the backend up, once a buffer is full.
  @Test func aSlowReader() throws {
    let bed = try EngineBed(top: Self.replacing)
    bed.backend(.answering(ok(filler(600_000))))
    let client = bed.client([
      .send(get()), .readSlowly(bytes: 3000, every: .milliseconds(1)), .awaitResponse, .close,
    ])
    bed.finish(requests: 1)
    let found = bed.record(client).messages.first?.text
    #expect(found == filler(600_000).replacing("2.", with: "<two>"))
  }

  /// What a backend sends before it is cut arrives, and no end behind it.
  @Test(arguments: ["gzip on; gzip_types *;", replacing])
  func aCut(top: String) throws {
    for ending in [PeerAction.close, .reset] {
      let bed = try EngineBed(top: top)
      bed.backend(
        .performing([
          .send(
            "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 90000\r\n\r\n"
              + filler(20_000)),
          .pause(.milliseconds(10)), ending,
        ]))
      let client = bed.client([
        .send(get("/", "Accept-Encoding: gzip\r\n")), .awaitResponse,
      ])
      bed.finish(requests: 1)
      #expect(bed.record(client).finalMessages.isEmpty)
      #expect(bed.record(client).partialMessage?.isChunked == true)
      #expect(bed.ends.map(\.termination) == ["upstream:response_body"])
    }
  }

  /// A client may leave at any time.
  @Test(arguments: ["gzip on; gzip_types *;", replacing, "brotli on; brotli_types *;"])
  func aClientThatLeaves(top: String) throws {
    for count in [0, 1, 200, 5000] {
      let bed = try EngineBed(top: top)
      bed.backend(.answering(ok(filler(400_000), "Content-Type: a/b\r\n")))
      bed.client([
        .send(get("/", "Accept-Encoding: gzip, br\r\n")), .awaitBytes(count), .stopReading,
        .pause(.milliseconds(20)), .reset,
      ])
      bed.run(for: .seconds(1))
      #expect(bed.exchangeCount == 0)
      bed.finish(requests: 1)
    }
  }

  /// Answers of Waybill's own, of any size.
  @Test(arguments: [1, 30_000, 60_000]) func ownAnswers(count: Int) throws {
    let text = filler(count)
    let bed = try EngineBed(
      "location / { return 200 '\(text)'; }", top: Self.replacing, faults: .fragmenting)
    let client = bed.client([
      .send(get()), .awaitResponse, .send(get()), .awaitResponse, .close,
    ])
    bed.finish(requests: 2)
    let found = bed.record(client).messages.map(\.text)
    #expect(found == Array(repeating: text.replacing("2.", with: "<two>"), count: 2))
  }
}
