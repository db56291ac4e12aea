import Telemetry

/// Why a request ended as it did, in sentences: what the log says in a word.
public struct Reason: Sendable, Equatable {
  /// The word: an error type, `PARTY:PHASE`, or a status.
  public var name: String
  /// Where several things share the word: what else the line says when it is this one.
  public var condition: String
  /// What happened.
  public var event: String
  /// The directives whose rule or limit it was, or that say more about it.
  public var directives: [String]
  /// What to look at next.
  public var advice: String

  init(
    _ name: String, _ event: String, _ directives: [String] = [], next advice: String,
    if condition: String = ""
  ) {
    self.name = name
    self.condition = condition
    self.event = event
    self.directives = directives
    self.advice = advice
  }

  /// All that a line may say for one word, which is of one kind; empty for a word that none says.
  public static func all(for word: String) -> [Reason] {
    let errors = ErrorType.allCases.filter { $0 != .none && "\($0.name)" == word }
    if !errors.isEmpty { return errors.map(Reason.init(error:)) }
    if let termination = Termination(word) { return [Reason(termination)] }
    guard let status = UInt16(word), (100...999).contains(status) else { return [] }
    return [Reason(status: status)]
  }

  /// Why a request ended that its line says this of: by its error if there is one, else by who
  /// ended it; nil when it says neither.
  public static func of(error: String, termination: String, status: UInt16) -> Reason? {
    let party = Termination(termination)?.party
    let candidates = ErrorType.allCases.filter { $0 != .none && "\($0.name)" == error }
    if candidates.count < 2 {
      if let only = candidates.first { return Reason(error: only) }
      return Termination(termination).map { Reason($0) }
    }
    let meant = candidates.first { candidate in
      switch candidate {
      case .clientClosed: party == .client
      case .proxyShutdown: party == .proxy
      case .requestAborted: party == .operator
      case .connectionTerminated: party == .upstream
      case .clientTimeout: status == 408
      case .httpRequestError: status != 408
      case .requestBodyTooLarge: status == 413
      case .httpRequestDenied: status != 413
      default: false
      }
    }
    return meant.map { Reason(error: $0) }
  }

  /// The event, then the directives and what to look at, as one paragraph.
  public var sentences: String {
    let names = directives.isEmpty ? "" : " Directives: \(directives.joined(separator: ", "))."
    return "\(event)\(names) \(advice)"
  }
}

extension Termination {
  /// `PARTY:PHASE`, as lines have it; nil for anything else.
  public init?(_ text: String) {
    let words = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard words.count == 2 else { return nil }
    for party in Party.allCases where party != .nobody {
      for phase in Phase.allCases {
        let one = Termination(party, phase)
        if "\(one.partyName)" == words[0], "\(one.phaseName)" == words[1] {
          self = one
          return
        }
      }
    }
    return nil
  }
}
