import Basics
import HTTP
import Simulation

/// A client of a scenario: who it is, what it sends, and how it behaves.
struct ClientPlan {
  /// Ways to behave.
  enum Kind: String, CaseIterable {
    case keptAlive, pipelining, slowSender, slowReader, tunnelling, halfClosing
    case malformed
    case leavingInRequest, leavingInResponse, silent, stallingInHead, stallingInContent

    /// True when it does its part in every exchange, so that each can be completed.
    var isFaithful: Bool {
      switch self {
      case .keptAlive, .pipelining, .slowSender, .slowReader, .tunnelling, .halfClosing,
        .malformed:
        true
      case .leavingInRequest, .leavingInResponse, .silent, .stallingInHead, .stallingInContent:
        false
      }
    }

    /// True where the same can be said in HTTP/2, too.
    var canBeMultiplexed: Bool {
      switch self {
      case .keptAlive, .pipelining, .slowSender, .slowReader, .leavingInRequest,
        .leavingInResponse, .stallingInContent:
        true
      case .tunnelling, .halfClosing, .malformed, .silent, .stallingInHead: false
      }
    }
  }

  let kind: Kind
  /// Where it comes in.
  let entrance: Entrance
  /// What it says first there; nil where nothing is expected.
  let preface: ProxyPreface?
  /// The address of its socket, unless that is a unix socket.
  let address: PeerAddress
  /// When it comes.
  let delay: Interval
  /// A balancer that is believed has named it.
  let isNamed: Bool
  /// It speaks HTTP/2.
  let isMultiplexed: Bool
  var requests: [PlannedRequest] = []
  /// What it sends through a tunnel.
  var tunnel: [UInt8] = []
  var actions: [PeerAction] = []

  /// The client of this number.
  init(
    _ number: Int, kind: Kind, conf: ConfPlan, isCalm: Bool, _ chance: inout SeededGenerator
  ) {
    self.kind = kind
    entrance = chance.pick(conf.entrances)
    preface = entrance.isProxied ? .chosen(number, isCalm: isCalm, &chance) : nil
    isNamed = preface?.named != nil && conf.believed.includes(entrance)
    isMultiplexed =
      kind.canBeMultiplexed && !entrance.isSecure && preface?.kind.isGood != false
      && conf.multiplexing.includes(number)
    address = PeerAddress(
      family: .ipv4, high: 0, low: 0xC000_0200 + UInt64(number % 250) + 1,
      port: UInt16(20_000 + number))
    delay = .milliseconds(UInt64(chance.pick([0, 0, chance.below(20), chance.below(3_000)])))
    let count = kind == .malformed ? chance.below(2) : chance.pick([1, 2, 3, 5, 9])
    requests = (0..<count).map {
      PlannedRequest(nonce: "\(number).\($0)", conf: conf, &chance)
    }
    let last = "\(number).\(count)"
    switch kind {
    case .malformed: requests.append(PlannedRequest(malformed: last, conf: conf, &chance))
    case .tunnelling:
      requests.append(PlannedRequest(tunnelOf: last, conf: conf, &chance))
      // No request: where the tunnel does not open, this is refused.
      tunnel = Array("<tunnel>\r\n".utf8)
      tunnel += Filler.bytes(
        of: last, .tunnel, count: chance.pick(conf.isBulky ? [5_000, 100_000] : [0, 50, 900]))
    default: break
    }
    for index in requests.indices { requests[index].isNamed = isNamed }
    let beginning = begin(&chance)
    let script = script(&chance)
    let isSilent = script.isEmpty
    actions = beginning + (isSilent ? [] : securing(conf) + multiplexing(conf, number)) + script
  }

  /// What a report calls it.
  var name: String { "\(requests.first?.nonce.prefix { $0 != "." } ?? "?") \(socket.name)" }

  /// The address of its socket, without and with the port, as the log writes it.
  var socket: (host: String, name: String) {
    if entrance.isUnix { return ("unix:", "unix:") }
    let low = address.low
    let parts = [24, 16, 8, 0].map { String(low >> UInt64($0) & 255) }
    let host = parts.joined(separator: ".")
    return (host, "\(host):\(address.port)")
  }

  /// Who it is, once its request can be read: whom a balancer that is believed has named, else
  /// whose socket it is.
  var identity: (host: String, name: String) {
    if isNamed, let named = preface?.named { named } else { socket }
  }
}

extension ProxyPreface {
  /// What a seed chooses for a client; a good header on calm days.
  fileprivate static func chosen(
    _ number: Int, isCalm: Bool, _ chance: inout SeededGenerator
  ) -> ProxyPreface {
    let menu = Kind.allCases.filter { $0.isGood || !isCalm }.map { ($0, $0.isGood ? 3 : 1) }
    return ProxyPreface(chance.pick(weighted: menu), client: number, &chance)
  }
}
