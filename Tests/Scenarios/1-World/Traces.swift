import Simulation

/// Which locations take part in traces, and what clients say of theirs. Chance of its own decides,
/// so that the other worlds are what they would be without.
struct Traces: Sendable {
  /// Some locations do.
  let isOn: Bool
  private let seed: UInt64

  /// No location does.
  static var none: Traces { Traces(isOn: false, seed: 0) }

  private init(isOn: Bool, seed: UInt64) {
    self.isOn = isOn
    self.seed = seed
  }

  /// What a seed decides: one world in three has some.
  init(seed: UInt64) {
    var chance = SeededGenerator(seed: seed ^ 0x7AC3)
    isOn = chance.happens(330)
    self.seed = chance.next()
  }

  /// What the n-th location of a conf file does.
  func add(to facts: inout LocationFacts, number: Int) {
    guard isOn else { return }
    var chance = SeededGenerator(seed: seed ^ UInt64(number))
    facts.context = chance.pick(LocationFacts.TraceContext.allCases)
    facts.sampling = chance.pick(["off", "on", "50%", "$otel_parent_sampled"])
  }

  /// What the client of a request says of a trace.
  func sent(by nonce: String) -> SentContext {
    guard isOn else { return .none }
    var chance = SeededGenerator(seed: Filler.number(of: nonce, seed))
    let trace = Traces.digits(32, &chance)
    let span = Traces.digits(16, &chance)
    return chance.pick(weighted: [
      (.none, 3), (.valid(trace: trace, span: span, isSampled: chance.happens(500)), 4),
      (.invalid("00-\(trace)-\(span)"), 1), (.invalid("ff-\(trace)-\(span)-01"), 1),
      (.twice("00-\(trace)-\(span)-01"), 1),
    ])
  }

  private static func digits(_ count: Int, _ chance: inout SeededGenerator) -> String {
    // Never all zeros.
    "a" + (1..<count).map { _ in String(chance.below(16), radix: 16) }.joined()
  }
}

/// What a client says of a trace.
enum SentContext {
  case none
  case valid(trace: String, span: String, isSampled: Bool)
  case invalid(String)
  case twice(String)

  /// The values of `traceparent`.
  var values: [String] {
    switch self {
    case .none: []
    case .valid(let trace, let span, let isSampled): ["00-\(trace)-\(span)-0\(isSampled ? 1 : 0)"]
    case .invalid(let value): [value]
    case .twice(let value): [value, value]
    }
  }

  /// The field lines that say so.
  var lines: String { values.map { "traceparent: \($0)\r\n" }.joined() }
}
