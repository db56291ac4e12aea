import Simulation

/// A request that a client is going to send: what it says, byte by byte, and what it means.
struct PlannedRequest {
  /// How the content is framed.
  enum Framing { case none, length, chunked }

  /// Text that is in no other request of its world.
  let nonce: String
  var location: LocationFacts
  var method = "GET"
  var isHTTP10 = false
  var framing = Framing.none
  var content: [UInt8] = []
  var identity = SentIdentity.none
  var context = SentContext.none
  /// It comes from a client that a balancer has named.
  var isNamed = false
  var asksToClose = false
  var expectsContinue = false
  var asksForTunnel = false
  /// It must be refused, and never reach a backend as a complete request.
  var isMalformed = false

  /// Everything that is sent for it.
  var bytes: [UInt8] = []
  /// How many of `bytes` are the head.
  var headCount = 0

  /// What becomes of the ID that it carries.
  var identityOutcome: SentIdentity.Outcome { identity.outcome(in: location, isNamed: isNamed) }

  /// True for methods that may be sent twice (RFC 9110 section 9.2.2).
  var isIdempotent: Bool { method != "POST" }
}

extension PlannedRequest {
  /// A good request to one of the conf file's locations.
  init(nonce: String, conf: ConfPlan, _ chance: inout SeededGenerator) {
    self.nonce = nonce
    location = chance.pick(conf.locations)
    method = chance.pick(["GET", "GET", "GET", "POST", "POST", "PUT", "HEAD", "DELETE", "OPTIONS"])
    if method == "POST" || method == "PUT" || chance.happens(50) {
      framing = chance.pick([.length, .length, .chunked])
      content = Filler.bytes(of: nonce, .request, count: PlannedRequest.contentCount(conf, &chance))
    }
    identity = .chosen(nonce, &chance)
    isHTTP10 = framing != .chunked && chance.happens(60)
    asksToClose = chance.happens(60)
    expectsContinue = framing != .none && !isHTTP10 && chance.happens(150)
    compose(conf, &chance)
  }

  /// A request for a tunnel.
  init(tunnelOf nonce: String, conf: ConfPlan, _ chance: inout SeededGenerator) {
    self.nonce = nonce
    location = chance.pick(conf.locations)
    asksForTunnel = true
    compose(conf, &chance)
  }

  /// A request about whose end recipients could disagree, and what would pass for another request
  /// if they did.
  init(malformed nonce: String, conf: ConfPlan, _ chance: inout SeededGenerator) {
    self.nonce = nonce
    location = conf.servers[0].locations[0]
    method = "POST"
    isMalformed = true
    let target = "\(location.path)?n=\(nonce)"
    let start = "POST \(target) HTTP/1.1\r\n"
    let host = "Host: \(location.host)\r\nX-Nonce: \(nonce)\r\n"
    let smuggled =
      "GET \(location.path)?n=smuggled HTTP/1.1\r\nHost: a\r\nX-Nonce: smuggled\r\n\r\n"
    let text = chance.pick([
      "NONSENSE\r\n\r\n",
      start + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      start + host + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
      start + host + "Content-Length: +5\r\n\r\nabcde",
      start + host + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
      start + host + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
      start + host + "X-Folded: a\r\n b\r\n\r\n",
      start + host + "X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      start + "\r\n",
      start + "Host: a\r\nHost: b\r\n\r\n",
      start + host + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
      start + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nabcdeX0\r\n\r\n",
      start + host + "Transfer-Encoding: chunked\r\n\r\n5;\nabcde\r\n0\r\n\r\n",
    ])
    bytes = Array((text + smuggled).utf8)
    headCount = bytes.count
  }

  private static func contentCount(_ conf: ConfPlan, _ chance: inout SeededGenerator) -> Int {
    let largest = chance.pick(conf.isBulky ? [2_000, 20_000, 200_000] : [2, 40, 1_000])
    return chance.below(largest + 1)
  }

  private mutating func compose(_ conf: ConfPlan, _ chance: inout SeededGenerator) {
    var head = "\(method) \(location.path)r?n=\(nonce) HTTP/1.\(isHTTP10 ? 0 : 1)\r\n"
    head += "Host: \(location.host)\r\nX-Nonce: \(nonce)\r\n"
    head += identity.lines(named: conf.idField)
    context = conf.traces.sent(by: nonce)
    head += context.lines
    // Many backends could not tell this one from the ID; none may see it.
    if chance.happens(100) {
      head += conf.idField.split(separator: "-").joined(separator: "_") + ": twin\r\n"
    }
    if conf.operation.agentBytes > 0 {
      head += "User-Agent: \(String(repeating: "a", count: conf.operation.agentBytes))\r\n"
    }
    if conf.detours.takesGzip(nonce) { head += "Accept-Encoding: gzip\r\n" }
    if asksForTunnel { head += "Connection: upgrade\r\nUpgrade: echo\r\n" }
    if asksToClose { head += "Connection: close\r\n" }
    if isHTTP10 && chance.happens(500) && !asksToClose { head += "Connection: keep-alive\r\n" }
    if expectsContinue { head += "Expect: 100-continue\r\n" }
    switch framing {
    case .none: break
    case .length: head += "Content-Length: \(content.count)\r\n"
    case .chunked: head += "Transfer-Encoding: chunked\r\n"
    }
    bytes = Array((head + "\r\n").utf8)
    headCount = bytes.count
    bytes += framing == .chunked ? chunks(&chance) : content
  }

  private func chunks(_ chance: inout SeededGenerator) -> [UInt8] {
    let largest = chance.pick([1, 10, 1_000, 100_000])
    var framed: [UInt8] = []
    var start = 0
    while start < content.count {
      let least = content.count / 50 + 1
      let count = min(content.count - start, chance.between(least...max(largest, least)))
      let extensions = chance.happens(50) ? ";e=1" : ""
      framed += Array("\(String(count, radix: 16))\(extensions)\r\n".utf8)
      framed += content[start..<(start + count)]
      framed += [13, 10]
      start += count
    }
    let trailer = chance.happens(300) ? "X-T: \(nonce)\r\n" : ""
    return framed + Array("0\r\n\(trailer)\r\n".utf8)
  }
}
