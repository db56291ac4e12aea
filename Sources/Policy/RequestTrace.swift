import Basics
import HTTP

/// What is known of the trace that a request belongs to.
public struct RequestTrace: Sendable, BitwiseCopyable {
  /// The trace.
  public var traceID: TraceID
  /// The request's own span, which is the parent of those of its tries.
  public var spanID: UInt64
  /// The span that the request continues; 0 for the first one of a trace.
  public var parentID: UInt64 = 0
  /// What the parent says of itself; false without one.
  public var parentIsSampled = false
  /// What is sent on.
  public var flags: TraceFlags
  /// True when the trace is the client's: its `tracestate` goes with it.
  public var isContinued = false
  /// True when `request_id_trust` includes the client: its `baggage` may pass.
  public var isTrusted = false
  /// True once no other location decides about it.
  public var isFinal = false
  private var trySeed: UInt64

  /// A new trace of which no span is recorded. All bits must be random and never used before.
  public init(traceBits: (UInt64, UInt64), spanBits: (UInt64, UInt64)) {
    traceID = TraceID(high: traceBits.0, low: traceBits.1)
    // No trace and no span has the number 0.
    if traceID.isZero { traceID.low = 1 }
    spanID = max(1, spanBits.0)
    trySeed = spanBits.1
    flags = .random
  }

  /// Takes the numbers that were made for the same request before: they may have been quoted.
  public mutating func keepNumbers(of earlier: RequestTrace) {
    spanID = earlier.spanID
    trySeed = earlier.trySeed
    if !earlier.isContinued { traceID = earlier.traceID }
  }

  /// Has the request continue a span of a trace, with that one's flags.
  public mutating func continueTrace(of parent: TraceParent) {
    traceID = parent.traceID
    parentID = parent.spanID
    parentIsSampled = parent.flags.contains(.sampled)
    flags = parent.flags
    isContinued = true
  }

  /// The trace of a request that is made in the name of this one: its span is a child of this
  /// one's. All bits must be random and never used before.
  public func subrequest(spanBits: (UInt64, UInt64)) -> RequestTrace {
    var child = self
    child.parentID = spanID
    child.parentIsSampled = flags.contains(.sampled)
    child.spanID = max(1, spanBits.0)
    child.trySeed = spanBits.1
    child.isFinal = true
    return child
  }

  /// Says whether spans are recorded.
  public mutating func setSampled(_ isSampled: Bool) {
    if isSampled { flags.insert(.sampled) } else { flags.remove(.sampled) }
  }

  /// The span of one try; the first has the number 1. Each has its own.
  public func tryID(_ number: Int) -> UInt64 {
    // SplitMix64: every number comes out once, and no bit of it looks like the one before.
    var bits = trySeed &+ UInt64(truncatingIfNeeded: number) &* 0x9E37_79B9_7F4A_7C15
    bits = (bits ^ bits &>> 30) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ bits &>> 27) &* 0x94D0_49BB_1331_11EB
    return max(1, bits ^ bits &>> 31)
  }

  /// What the backend of a try is told.
  public func context(ofTry number: Int) -> TraceParent {
    TraceParent(traceID: traceID, spanID: tryID(number), flags: flags)
  }

  /// What the client is told: the request's own span.
  public var context: TraceParent {
    TraceParent(traceID: traceID, spanID: spanID, flags: flags)
  }
}

/// `otel_trace`: which traces are sampled. A trace that is continued stays sampled when its parent
/// is, so that none has holes.
public struct SamplingRule: Equatable, Sendable, BitwiseCopyable {
  /// The share of new traces in parts of a million; at most a million.
  public let millionths: UInt64
  /// True when traces that are continued are sampled whatever their parents are.
  public let includesContinued: Bool

  /// No new trace.
  public static let off = SamplingRule(millionths: 0, includesContinued: false)

  private init(millionths: UInt64, includesContinued: Bool = false) {
    self.millionths = millionths
    self.includesContinued = includesContinued
  }

  /// Reads `on`, `off`, `1`, `0`, or a percentage with at most four decimals such as `2.5%`; nil
  /// for anything else.
  public init?(parsing text: Span<UInt8>) {
    if text.count == 1, text[0] &- UInt8(ascii: "0") < 2 {
      let isOn = text[0] == UInt8(ascii: "1")
      self.init(millionths: isOn ? 1_000_000 : 0, includesContinued: isOn)
    } else if FieldNameMatch.equalIgnoringCase(text, "on") {
      self.init(millionths: 1_000_000, includesContinued: true)
    } else if FieldNameMatch.equalIgnoringCase(text, "off") {
      self.init(millionths: 0)
    } else if let millionths = SamplingRule.percentage(text) {
      self.init(millionths: millionths)
    } else {
      return nil
    }
  }

  private static func percentage(_ text: Span<UInt8>) -> UInt64? {
    guard text.count >= 2, text.count <= 9, text[text.count &- 1] == UInt8(ascii: "%") else {
      return nil
    }
    var (number, decimals, digits): (UInt64, Int?, Int) = (0, nil, 0)
    for index in 0..<(text.count &- 1) {
      let digit = text[index] &- UInt8(ascii: "0")
      if text[index] == UInt8(ascii: "."), decimals == nil, digits > 0 {
        decimals = 0
        continue
      }
      guard digit < 10 else { return nil }
      number = number &* 10 &+ UInt64(digit)
      digits &+= 1
      if let known = decimals { decimals = known &+ 1 }
    }
    let places = decimals ?? 0
    guard digits > 0, decimals != 0, places <= 4 else { return nil }
    for _ in places..<4 { number = number &* 10 }
    return number <= 1_000_000 ? number : nil
  }

  /// True when a trace is sampled. Of new ones, everybody who asks with the same share, or a larger
  /// one, comes to the same answer: the last 56 bits of the trace's number decide.
  public func samples(_ trace: RequestTrace) -> Bool {
    if trace.isContinued { return includesContinued || trace.parentIsSampled }
    let bits = trace.traceID.low & 0x00FF_FFFF_FFFF_FFFF
    // The share that is left out, of 2 to the power of 56.
    let left = (1_000_000 &- millionths).multipliedFullWidth(by: 1 &<< 56)
    return bits >= UInt64(1_000_000).dividingFullWidth(left).quotient
  }
}
