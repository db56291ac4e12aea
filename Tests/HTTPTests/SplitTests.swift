import Basics
import HTTP
import Testing

/// A parser's answer must not depend on the pieces that the network cuts a message into.
@Suite struct SplitTests {
  private let requests = [
    "GET /a?b HTTP/1.1\r\nHost: a.example\r\nX-Y: z\r\n\r\nGET / HTTP/1.1\r\n",
    "\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\nX : y\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\u{0}b\r\nY y\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX(: a\u{0}b\r\n\r\n", "GET /\u{1} \u{2} X\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n",
    "GET / HTTP/2.0\r\n\r\n", "G\u{1}ET / HTTP/2.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: \r\n\r\n",
    "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\rX", "GET", "",
    "GET / HTTP/1.1\r\nHost: a\r\nX-Long-Name\u{7F}\u{7F}\u{7F}: \u{7F}\r\n\r\n",
    "GET http://a/b HTTP/1.1\r\nHost: b\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
  ]

  @Test func requestsInTwoPieces() {
    for text in requests {
      let bytes = text.octets
      let whole = requestOutcome(bytes, ends: [bytes.count])
      for end in 0...bytes.count {
        #expect(requestOutcome(bytes, ends: [end, bytes.count]) == whole, "\(text) at \(end)")
      }
    }
  }

  @Test func requestsByteByByte() {
    for text in requests {
      let bytes = text.octets
      let whole = requestOutcome(bytes, ends: [bytes.count])
      #expect(requestOutcome(bytes, ends: Array(0...bytes.count)) == whole, "\(text)")
    }
  }

  @Test func responsesInTwoPiecesAndByteByByte() {
    let responses = [
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello", "HTTP/1.1 200\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: a\u{0}\r\n\r\n", "HTTP/1.1 2\u{1}0 OK\r\n\r\n", "HTTP/1.1 200 OK\n\n",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: x\r\n\r\n",
    ]
    for text in responses {
      let bytes = text.octets
      let whole = responseOutcome(bytes, ends: [bytes.count])
      #expect(responseOutcome(bytes, ends: Array(0...bytes.count)) == whole, "\(text)")
      for end in 0...bytes.count {
        #expect(responseOutcome(bytes, ends: [end, bytes.count]) == whole, "\(text) at \(end)")
      }
    }
  }

  /// Requests with one to three bytes changed: any outcome will do, if it is the same for all cuts.
  /// Only a line that never ends may be refused sooner when more of it comes at once.
  @Test func damagedRequests() {
    var random = RandomBytes(seed: 20_260_101)
    let damage: [UInt8] = [0, 9, 10, 13, 32, 35, 44, 47, 58, 63, 64, 91, 127, 128, 255, 65]
    let limits = HeadLimits(maximumLineBytes: 60, maximumHeadBytes: 150, maximumFieldCount: 3)
    for _ in 0..<4_000 {
      var bytes = requests[random.next(below: requests.count)].octets
      guard !bytes.isEmpty else { continue }
      for _ in 0...random.next(below: 3) {
        let byte = damage[random.next(below: damage.count)]
        let place = random.next(below: bytes.count)
        if random.next(below: 2) == 0 { bytes[place] = byte } else { bytes.insert(byte, at: place) }
      }
      bytes += "\r\n\r\n".octets
      let whole = requestOutcome(bytes, ends: [bytes.count], limits: limits)
      let cut = random.next(below: bytes.count + 1)
      #expect(requestOutcome(bytes, ends: [cut, bytes.count], limits: limits) == whole, "\(bytes)")
      let single = requestOutcome(bytes, ends: Array(0...bytes.count), limits: limits)
      #expect(single == whole, "\(bytes)")
    }
  }
}

/// Numbers that look random and are the same in every run.
struct RandomBytes {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next(below bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(bound))
  }
}
