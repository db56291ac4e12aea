// The decision about a request's ID, and the rule behind it.

import Basics
import Engine
import Plan
import Platform
import Policy

enum RequestIDExplanation {
  /// One sentence.
  static func text(_ decision: RequestDecision, _ policy: RequestIDPolicy) -> String {
    let header = policy.header.text
    let received = String(decoding: decision.receivedID, as: UTF8.self)
    switch decision.idSource {
    case .client:
      let id = String(decoding: decision.requestID, as: UTF8.self)
      return "\(id), the client's: \(header) is valid and request_id_trust \(policy.trust.words)"
    case .none:
      return policy.mode == .off
        ? "none: request_id is off, \(header) is passed on unchanged"
        : "none: request_id is pass, and the request has no \(header)"
    case .generated:
      return received.isEmpty
        ? "a new one (\(policy.format)): the request has no \(header)"
        : "a new one (\(policy.format)): request_id is generate; \"\(received)\" is logged"
    case .invalid:
      let limit = policy.maximumLength
      return replaced("\"\(received)\" is not a valid ID of at most \(limit) characters", policy)
    case .duplicate:
      return replaced("\(header) has different values: \"\(received)\"", policy)
    case .untrusted:
      return replaced("request_id_trust \(policy.trust.words), but not this peer", policy)
    case .traceparent: return "that of the trace, because none came (request_id_format trace)"
    }
  }

  private static func replaced(_ reason: String, _ policy: RequestIDPolicy) -> String {
    if policy.mode == .pass { return "none: \(reason), and request_id is pass" }
    let new = "a new one (\(policy.format))"
    return policy.rejectsInvalid ? "\(reason): see request_id_invalid" : "\(new): \(reason)"
  }
}

extension PeerTrust {
  /// Whom it trusts.
  fileprivate var words: String {
    if includesAll { return "trusts all" }
    var words = networks.indices.map { index in
      let network = networks[index]
      return "\(network.address.host)/\(network.prefixLength)"
    }
    if includesUnix { words.append("unix:") }
    return words.isEmpty ? "trusts nobody" : "trusts " + words.joined(separator: ", ")
  }
}
