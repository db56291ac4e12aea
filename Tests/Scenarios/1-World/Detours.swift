import Basics
import Simulation

/// What locations do besides passing requests on: content passes through stages, another location
/// is asked first, or gets a copy. Chance of its own decides, so that the other worlds are what
/// they would be without.
struct Detours: Sendable {
  /// Some locations have some of it.
  let isOn: Bool
  private let seed: UInt64
  private let isCalm: Bool

  /// Where subrequests go.
  static let question = "/allow"
  static let copy = "/copy"
  /// What `sub_filter` looks for, and what takes its place.
  static let replaced = [("a", "<two>"), ("x9", "")]

  /// No location has any of it.
  static var none: Detours { Detours(isOn: false, seed: 0, isCalm: true) }

  private init(isOn: Bool, seed: UInt64, isCalm: Bool) {
    self.isOn = isOn
    self.seed = seed
    self.isCalm = isCalm
  }

  /// What a seed decides: one world in three has some.
  init(seed: UInt64, isCalm: Bool) {
    self.isCalm = isCalm
    var chance = SeededGenerator(seed: seed ^ 0xDE70)
    isOn = chance.happens(330)
    self.seed = chance.next()
  }

  /// What the n-th location of a conf file does, if it passes requests on.
  func add(to facts: inout LocationFacts, number: Int) {
    guard isOn, facts.action == .proxy else { return }
    var chance = SeededGenerator(seed: seed ^ UInt64(number))
    facts.packs = chance.happens(400)
    facts.replaces = chance.happens(400)
    facts.asks = chance.happens(400)
    facts.mirrors = chance.happens(300)
  }

  /// True when the client of a request takes gzip.
  func takesGzip(_ nonce: String) -> Bool {
    isOn && Filler.number(of: nonce, seed) % 3 > 0
  }

  /// True for the target of a subrequest.
  static func isSubrequest(_ target: some StringProtocol) -> Bool {
    let path = target.prefix { $0 != "?" }
    return path == question || path == copy
  }

  /// The locations that subrequests go to.
  func lines(passingTo upstream: String) -> [String] {
    guard isOn else { return [] }
    return [Detours.question, Detours.copy].map {
      "location = \($0) { internal; proxy_pass \(upstream); }"
    }
  }

  /// What a backend does with a subrequest.
  func actions(_ message: WireMessage) -> [PeerAction] {
    let nonce = message.value(of: "x-nonce") ?? ""
    var chance = SeededGenerator(seed: Filler.number(of: nonce, seed ^ 0xA5))
    let yes = PeerAction.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes")
    let no = chance.pick(["401 Unauthorized", "403 Forbidden", "500 Broken", "200 OK"])
    // A backend that breaks off is left alone for a while, which is no calm day's.
    let weight = isCalm ? 0 : 1
    return chance.pick(weighted: [
      ([yes], 8), ([.send("HTTP/1.1 \(no)\r\nContent-Length: 0\r\n\r\n")], 2),
      ([.pause(.milliseconds(300)), yes], 2),
      ([.send("HTTP/1.1 204 No Content\r\n\r\n")], 1),
      ([.close], weight), ([.reset], weight),
      ([.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nye"), .close], weight),
    ])
  }
}

extension LocationFacts {
  /// The lines that say so.
  var detourLines: [String] {
    var lines: [String] = []
    if packs { lines.append("gzip on; gzip_types *; gzip_min_length 1;") }
    if replaces {
      lines += Detours.replaced.map { "sub_filter \($0.0) \"\($0.1)\";" }
      lines.append("sub_filter_once off; sub_filter_types *;")
    }
    if asks { lines.append("auth_request \(Detours.question);") }
    if mirrors { lines.append("mirror \(Detours.copy);") }
    return lines
  }
}
