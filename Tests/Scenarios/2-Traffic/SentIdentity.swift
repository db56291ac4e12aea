import Simulation

/// What a client says about its request's ID, and what the contract makes of it.
enum SentIdentity {
  case none
  case empty
  case value(String)
  case twoEqual(String)
  case twoDifferent(String)
  case list(String)
  case badAlphabet(String)
  case tooLong

  /// The outcome for a request of a location.
  struct Outcome: Equatable {
    /// `id_source`; empty when there is none.
    var source: String
    /// The ID, when it is the client's.
    var kept: String?
    /// There is an ID.
    var exists = true
  }

  /// What a seed chooses for the request of a nonce; some choose the same ID as others.
  static func chosen(_ nonce: String, _ chance: inout SeededGenerator) -> SentIdentity {
    let id = chance.happens(150) ? "shared:id" : "id-\(nonce)"
    return chance.pick(weighted: [
      (.none, 10), (.empty, 1), (.value(id), 6), (.twoEqual(id), 1), (.twoDifferent(id), 1),
      (.list(id), 1), (.badAlphabet("{\(id)}\""), 1), (.tooLong, 1),
    ])
  }

  /// The field lines that say so.
  func lines(named name: String) -> String {
    switch self {
    case .none: ""
    case .empty: "\(name): \r\n"
    case .value(let id), .badAlphabet(let id): "\(name): \(id)\r\n"
    case .twoEqual(let id): "\(name): \(id)\r\n\(name.uppercased()): \(id)\r\n"
    case .twoDifferent(let id): "\(name): \(id)\r\n\(name): other\r\n"
    case .list(let id): "\(name): \(id), other\r\n"
    case .tooLong: "\(name): \(String(repeating: "x", count: 256))\r\n"
    }
  }

  /// What becomes of it in a location (section 1 of the contract). `isNamed` says that the client
  /// is one that a balancer has named.
  func outcome(in location: LocationFacts, isNamed: Bool) -> Outcome {
    guard location.mode != .off else { return Outcome(source: "", kept: nil, exists: false) }
    let arrived: Outcome
    switch self {
    case .none, .empty:
      guard location.mode == .pass else { return Outcome(source: "generated", kept: nil) }
      return Outcome(source: "", kept: nil, exists: false)
    case .value(let id), .twoEqual(let id):
      arrived = judged(id, location, isNamed)
    case .twoDifferent, .list: arrived = Outcome(source: "duplicate", kept: nil)
    case .badAlphabet, .tooLong: arrived = Outcome(source: "invalid", kept: nil)
    }
    switch location.mode {
    case .generate: return Outcome(source: "generated", kept: nil)
    case .pass:
      return Outcome(source: arrived.source, kept: arrived.kept, exists: arrived.kept != nil)
    case .on, .off: return arrived
    }
  }

  private func judged(_ id: String, _ location: LocationFacts, _ isNamed: Bool) -> Outcome {
    if id.utf8.count > location.longestID { return Outcome(source: "invalid", kept: nil) }
    return location.trust == .all || location.trust == (isNamed ? .named : .sockets)
      ? Outcome(source: "client", kept: id) : Outcome(source: "untrusted", kept: nil)
  }
}
