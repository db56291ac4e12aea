import Basics
import HTTP
import Policy
import Testing

private let traceText = "4bf92f3577b34da6a3ce929d0e0e4736"
private let span = "00f067aa0ba902b7"
private let valid = "00-\(traceText)-\(span)-01"
private let kept = "\(traceText)-\(span)"

/// W3C Trace Context, level 2: which fields are believed, and what is made of them.
@Suite struct TraceContextTests {
  /// What is written of what the lines say; nil when a new trace begins.
  private func parent(_ values: [String], name: String = "traceparent") -> String? {
    parent(values.map { (name, bytes($0)) })
  }

  private func parent(_ lines: [(name: String, value: [UInt8])]) -> String? {
    let lines = Lines(lines)
    guard let parent = TraceFields.parent(in: lines.head, lines.bytes.span) else { return nil }
    return written { parent.write(into: &$0) }
  }

  private func written(_ write: (inout ByteWriter) -> Void) -> String {
    var memory = [UInt8](repeating: 0, count: 16384)
    return memory.withUnsafeMutableBufferPointer { buffer in
      var writer = unsafe ByteWriter(buffer)
      write(&writer)
      #expect(!writer.overflowed)
      return text(writer.span)
    }
  }

  @Test(arguments: [
    // The version 00.
    (valid, "00-\(kept)-01"),
    ("00-\(kept)-00", "00-\(kept)-00"),
    // Level 2: the random flag.
    ("00-\(kept)-02", "00-\(kept)-02"),
    ("00-\(kept)-03", "00-\(kept)-03"),
    // Unknown flags are sent as 0.
    ("00-\(kept)-ff", "00-\(kept)-03"),
    ("00-\(kept)-fc", "00-\(kept)-00"),
    ("00-\(kept)-04", "00-\(kept)-00"),
    ("00-\(kept)-09", "00-\(kept)-01"),
    ("00-\(kept)-80", "00-\(kept)-00"),
    // White space around a value is no part of it.
    (" \(valid)", valid), ("\(valid) ", valid), ("\t\(valid)\t", valid), (" \t\(valid) \t ", valid),
    // Later versions: what they have in common with 00 counts.
    ("01-\(kept)-01", valid), ("02-\(kept)-00", "00-\(kept)-00"),
    ("cc-\(kept)-01", valid), ("fe-\(kept)-01", valid), ("fe-\(kept)-ff", "00-\(kept)-03"),
    ("01-\(kept)-01-", valid), ("01-\(kept)-01-what-the-future-brings", valid),
    ("cc-\(kept)-01-00", valid), ("0a-\(kept)-03-x", "00-\(kept)-03"),
    // The least and the largest numbers.
    (
      "00-00000000000000000000000000000001-0000000000000001-00",
      "00-00000000000000000000000000000001-0000000000000001-00"
    ),
    (
      "00-ffffffffffffffffffffffffffffffff-ffffffffffffffff-01",
      "00-ffffffffffffffffffffffffffffffff-ffffffffffffffff-01"
    ),
    (
      "00-00000000000000010000000000000000-1000000000000000-01",
      "00-00000000000000010000000000000000-1000000000000000-01"
    ),
  ])
  func validParents(_ value: String, _ expected: String) {
    #expect(parent([value]) == expected)
  }

  @Test(arguments: [
    "", " ", "-", "00", "00-", "x", "0",
    // The version.
    "ff-\(kept)-01", "ff-\(kept)-01-x", "FF-\(kept)-01", "0-\(kept)-01", "000-\(kept)-01",
    "0x-\(kept)-01", "g0-\(kept)-01", " 0-\(kept)-01", "-\(kept)-01", "CC-\(kept)-01",
    "00_\(kept)-01", "001\(kept)-01",
    // 00 ends behind the flags.
    "\(valid)-", "\(valid)-x", "\(valid)-00", "\(valid)0", "\(valid).", "\(valid),\(valid)",
    "\(valid), \(valid)", "\(valid);a=b",
    // A later version goes on behind a dash.
    "01-\(kept)-010", "01-\(kept)-01.x", "cc-\(kept)-01 x", "cc-\(kept)-01,", "fe-\(kept)-01_",
    // All zeros.
    "00-00000000000000000000000000000000-\(span)-01", "00-\(traceText)-0000000000000000-01",
    "00-00000000000000000000000000000000-0000000000000000-00",
    "cc-00000000000000000000000000000000-\(span)-01", "cc-\(traceText)-0000000000000000-01",
    // Capitals.
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-\(span)-01", "00-\(traceText)-00F067AA0BA902B7-01",
    "00-\(traceText)-\(span)-0A", "00-4bf92f3577b34da6a3ce929d0e0e473A-\(span)-01",
    // Other characters.
    "00-4bf92f3577b34da6a3ce929d0e0e473g-\(span)-01", "00-\(traceText)-00f067aa0ba902bz-01",
    "00-\(traceText)-\(span)-0x", "00-\(traceText)-\(span)- 1", "00-\(traceText)-\(span)-1 ",
    "00-4bf92f3577b34da6a3ce929d0e0e473\u{e9}-\(span)-01", "00-\(traceText)-\(span)-0\u{661}",
    "00-4bf92f3577b34da6 3ce929d0e0e4736-\(span)-01", "00-\(traceText)-00f067aa0ba902.7-01",
    // The lengths.
    "00-4bf92f3577b34da6a3ce929d0e0e473-\(span)-01", "00-\(traceText)0-\(span)-01",
    "00-\(traceText)-00f067aa0ba902b-01", "00-\(traceText)-\(span)0-01",
    "00-\(traceText)-\(span)-1",
    "00-\(traceText)-\(span)-", "00-\(traceText)-\(span)", "00-\(traceText)",
    "01-\(traceText)-\(span)-1",
    "cc-\(traceText)-\(span)", "00--\(span)-01", "00-\(traceText)--01",
    // The separators.
    "00-\(traceText)_\(span)-01", "00-\(traceText)-\(span)_01", "00 \(traceText) \(span) 01",
    "00\(traceText)\(span)01", "\"\(valid)\"",
  ])
  func invalidParents(_ value: String) {
    #expect(parent([value]) == nil)
  }

  @Test(arguments: [
    "traceparent", "Traceparent", "TraceParent", "TRACEPARENT",
  ])
  func aNameHasNoCase(_ name: String) {
    #expect(parent([valid], name: name) == valid)
  }

  @Test(arguments: ["trace-parent", "trace_parent", "traceparents", "xtraceparent", "tracestate_"])
  func otherNamesAreOthers(_ name: String) {
    #expect(parent([valid], name: name) == nil)
  }

  @Test func severalLinesAreNone() {
    #expect(parent([]) == nil)
    #expect(parent([valid, valid]) == nil)
    #expect(parent([valid, "00-\(kept)-00"]) == nil)
    #expect(parent([valid, ""]) == nil)
    #expect(parent(["x", valid]) == nil)
    #expect(parent([("traceparent", bytes(valid)), ("TraceParent", bytes(valid))]) == nil)
    #expect(parent([("other-name1", bytes("x")), ("traceparent", bytes(valid))]) == valid)
  }

  @Test func bytesThatAreNoTextAreInvalid() {
    for place in 0..<valid.utf8.count {
      for byte: UInt8 in [0x00, 0x2F, 0x3A, 0x47, 0x60, 0x67, 0x7F, 0x80, 0xFF] {
        var value = bytes(valid)
        value[place] = byte
        #expect(parent([("traceparent", value)]) == nil, "byte \(byte) at \(place)")
      }
    }
  }

  // MARK: tracestate

  private func state(_ values: [String]) -> String {
    let lines = Lines(values.map { ("tracestate", bytes($0)) })
    return written { TraceState.write(from: lines.head, lines.bytes.span, into: &$0) }
  }

  private static let longKey = String(repeating: "k", count: 256)
  private static let longValue = String(repeating: "v", count: 256)

  @Test(arguments: [
    ([], ""), ([""], ""), ([" "], ""), ([","], ""), (["", ""], ""), ([" , ,\t,"], ""),
    (["a=1"], "a=1"), (["a=1,b=2"], "a=1,b=2"), (["a=1", "b=2"], "a=1,b=2"),
    (["a=1,b=2", "c=3"], "a=1,b=2,c=3"), (["b=2", "a=1"], "b=2,a=1"),
    (["a=1,"], "a=1"), ([",a=1"], "a=1"), (["a=1,,b=2"], "a=1,b=2"), (["", "a=1", ""], "a=1"),
    ([" a=1 "], "a=1"), (["\ta=1\t,\tb=2\t"], "a=1,b=2"), (["a=1 ,b=2"], "a=1,b=2"),
    (["a=1, b=2 , c=3"], "a=1,b=2,c=3"),
    // Spaces before a value are part of it.
    (["a= 1"], "a= 1"), (["a=  x y"], "a=  x y"),
    // Keys.
    (["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"], "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
    (["a_b-c*d/e=1"], "a_b-c*d/e=1"), (["1a=1"], "1a=1"), (["0=1"], "0=1"),
    (["fw529a3039@dt=FfAb"], "fw529a3039@dt=FfAb"), (["a@b@c=1"], "a@b@c=1"),
    ([longKey + "=1"], longKey + "=1"),
    // Values.
    (["a=~!@#$%^&*()_+-[]{}|;:'\"<>?/\\`.1"], "a=~!@#$%^&*()_+-[]{}|;:'\"<>?/\\`.1"),
    (["ot=th:c;rv:0123456789abcd"], "ot=th:c;rv:0123456789abcd"),
    (["a=" + longValue], "a=" + longValue),
    // Of members with one key the first counts.
    (["a=1,a=2"], "a=1"), (["a=1", "b=2,a=3"], "a=1,b=2"), (["a=1,a=1"], "a=1"),
    (["ab=1,a=2,abc=3"], "ab=1,a=2,abc=3"),
  ])
  func validStates(_ values: [String], _ expected: String) {
    #expect(state(values) == expected)
  }

  @Test(arguments: [
    "a", "=1", "a=", "a= ", "a=1=2", "a==1", "a =1", "a\t=1", "A=1", "aB=1", "a.b=1", "a:b=1",
    "@a=1", "-a=1", "_a=1", "*a=1", "/a=1", "a;=1", "a\"=1", "a=\t1", "a=x\ty", "a=1\u{7f}",
    "a=\u{e9}", "\u{e9}=1", "a=1;b=2=3", "foo@=1,bar=2=", "a=1 b=2",
    longKey + "k=1", "a=" + longValue + "v",
  ])
  func oneMalformedMemberInvalidatesAll(_ member: String) {
    #expect(state([member]) == "")
    #expect(state(["ok=1,\(member)"]) == "")
    #expect(state(["ok=1", member, "fine=2"]) == "")
  }

  @Test func thereAreAtMost32Members() {
    let members = (1...33).map { "k\($0)=\($0)" }
    let most = members.dropLast()
    #expect(state([most.joined(separator: ",")]) == most.joined(separator: ","))
    #expect(state([members.joined(separator: ",")]) == "")
    #expect(state([most.joined(separator: ","), "one=more"]) == "")
    #expect(state(Array(most)) == most.joined(separator: ","))
    #expect(state(members) == "")
    // Empty members are none; equal keys are some.
    #expect(state([most.joined(separator: ",,,")]) == most.joined(separator: ","))
    #expect(state([Array(repeating: "a=1", count: 32).joined(separator: ",")]) == "a=1")
    #expect(state([Array(repeating: "a=1", count: 33).joined(separator: ",")]) == "")
  }

  @Test func aLongListIsCutByWholeMembers() {
    func member(_ key: String, _ count: Int) -> String {
      key + "=" + String(repeating: "x", count: count - 1 - key.utf8.count)
    }
    // 512 bytes pass as they are.
    let full = ["a", "b", "c", "d"].map { member($0, 127) } + [""]
    let exact = full.dropLast().joined(separator: ",")
    #expect(exact.utf8.count == 511)
    #expect(state([exact]) == exact)
    let brim = exact.dropLast() + "xx"
    #expect(state([String(brim)]) == String(brim))
    // One byte more, and the last member goes.
    let over = String(brim) + "x"
    let large = member("d", 130)
    #expect(over.utf8.count == 513)
    #expect(state([over]) == full[0..<3].joined(separator: ","))
    // Large members go first, from the right, and only as many as is needed.
    #expect(
      state([[large, full[0], full[1], full[2], "e=1"].joined(separator: ",")])
        == [full[0], full[1], full[2], "e=1"].joined(separator: ","))
    #expect(
      state([[member("p", 200), member("q", 200), member("r", 200), "s=1"].joined(separator: ",")])
        == [member("p", 200), member("q", 200), "s=1"].joined(separator: ","))
    // A member that is longer than everything goes, whatever is beside it.
    let huge = Self.longKey + "=" + Self.longValue
    #expect(state(["a=1," + huge + ",b=2"]) == "a=1,b=2")
    #expect(state([huge]) == "")
  }

  // MARK: baggage

  @Test func baggageIsPassedUpToItsLimit() {
    func baggage(_ values: [String]) -> String {
      let lines = Lines(values.map { ("Baggage", bytes($0)) })
      return written { TraceFields.writeBaggage(of: lines.head, lines.bytes.span, into: &$0) }
    }
    #expect(baggage([]) == "")
    #expect(baggage(["a=1;p=2, b=%20"]) == "a=1;p=2, b=%20")
    #expect(baggage(["a=1", "", "b=2"]) == "a=1,b=2")
    let long = "k=" + String(repeating: "v", count: 4094)
    #expect(baggage([long, "a=1"]) == long + ",a=1")
    #expect(baggage([long, long]) == long)
    #expect(baggage([long, "a=1,\(long),b=2"]) == long + ",a=1")
    #expect(baggage([String(repeating: "v", count: 8193)]) == "")
    #expect(baggage([String(repeating: "v", count: 8192)]).utf8.count == 8192)
  }

  // MARK: The request

  @Test func aHeadWithoutItsBufferHasNoFields() {
    let lines = Lines([("traceparent", bytes(valid)), ("tracestate", bytes("a=1"))])
    let none: [UInt8] = []
    #expect(TraceFields.parent(in: lines.head, none.span) == nil)
    #expect(written { TraceState.write(from: lines.head, none.span, into: &$0) } == "")
    let part = Array(lines.bytes.prefix(20))
    #expect(TraceFields.parent(in: lines.head, part.span) == nil)
  }

  @Test func numbersAreNeverZero() {
    let zero = RequestTrace(traceBits: (0, 0), spanBits: (0, 0))
    #expect(!zero.traceID.isZero)
    #expect(zero.spanID != 0)
  }

  @Test func everyTryHasASpanOfItsOwn() {
    var generator = SeededGenerator(seed: 3)
    let trace = RequestTrace(
      traceBits: (generator.next(), generator.next()),
      spanBits: (generator.next(), generator.next()))
    let tries = (1...1000).map { trace.tryID($0) }
    #expect(Set(tries).count == 1000)
    #expect(!tries.contains(trace.spanID))
    #expect(trace.tryID(1) == tries[0])
    let other = trace.subrequest(spanBits: (generator.next(), generator.next()))
    #expect(other.traceID == trace.traceID)
    #expect(other.parentID == trace.spanID)
    #expect(Set((1...1000).map { other.tryID($0) }).isDisjoint(with: tries))
  }

  @Test func aTraceThatIsContinuedKeepsItsFlags() throws {
    var trace = RequestTrace(traceBits: (1, 2), spanBits: (3, 4))
    #expect(written { trace.context.write(into: &$0) } == "00-\(hex(1))\(hex(2))-\(hex(3))-02")
    trace.setSampled(true)
    #expect(written { trace.context.write(into: &$0) } == "00-\(hex(1))\(hex(2))-\(hex(3))-03")
    trace.continueTrace(of: try #require(context(valid)))
    #expect(trace.isContinued && trace.parentIsSampled)
    #expect(written { trace.context.write(into: &$0) } == "00-\(traceText)-\(hex(3))-01")
    trace.setSampled(false)
    #expect(written { trace.context.write(into: &$0) } == "00-\(traceText)-\(hex(3))-00")
  }

  private func hex(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }

  private func context(_ value: String) -> TraceParent? {
    TraceParent(parsing: bytes(value).span)
  }

  // MARK: Sampling

  private func samplingRule(_ text: String) -> SamplingRule? {
    SamplingRule(parsing: bytes(text).span)
  }

  @Test(arguments: [
    ("on", 1_000_000, true), ("1", 1_000_000, true), ("ON", 1_000_000, true),
    ("off", 0, false), ("0", 0, false), ("0%", 0, false), ("100%", 1_000_000, false),
    ("10%", 100_000, false), ("0.5%", 5000, false), ("0.0001%", 1, false),
    ("33.3333%", 333_333, false), ("99.9999%", 999_999, false), ("100.0000%", 1_000_000, false),
    ("007%", 70_000, false),
  ])
  func samplingRules(_ text: String, _ millionths: UInt64, _ includesContinued: Bool) {
    let rule = samplingRule(text)
    #expect(rule?.millionths == millionths)
    #expect(rule?.includesContinued == includesContinued)
  }

  @Test(arguments: [
    "", "%", ".%", ".5%", "5.%", "-1%", "100.0001%", "101%", "1.00001%", "1e1%", "10", "10 %",
    "2", "true", "yes", "o", "1.2.3%", "99999999%", "10%%", "\u{661}%",
  ])
  func invalidSamplingRules(_ text: String) {
    #expect(samplingRule(text) == nil)
  }

  @Test func theShareIsTheOneThatWasAskedFor() throws {
    var generator = SeededGenerator(seed: 7)
    let traces = (0..<20_000).map { _ in
      RequestTrace(traceBits: (generator.next(), generator.next()), spanBits: (1, 1))
    }
    var before = -1
    for (text, share) in [("0%", 0.0), ("1%", 0.01), ("10%", 0.1), ("50%", 0.5), ("100%", 1)] {
      let rule = try #require(samplingRule(text))
      let sampled = traces.indices.filter { rule.samples(traces[$0]) }
      #expect(abs(Double(sampled.count) / 20_000 - share) < 0.01, "\(text)")
      #expect(sampled.count > before)
      before = sampled.count
      // Who is in a share is in every larger one.
      let larger = try #require(samplingRule("60%"))
      if share < 0.6 { #expect(sampled.allSatisfy { larger.samples(traces[$0]) }) }
    }
  }

  @Test func aParentDecidesUnlessAllAreSampled() throws {
    for (flags, expected) in [("00", false), ("01", true)] {
      var trace = RequestTrace(traceBits: (1, 2), spanBits: (3, 4))
      trace.continueTrace(
        of: try #require(context("00-\(kept)-\(flags)")))
      for text in ["off", "0", "0%", "50%", "100%"] {
        #expect(try #require(samplingRule(text)).samples(trace) == expected)
      }
      for text in ["on", "1"] {
        #expect(try #require(samplingRule(text)).samples(trace))
      }
    }
  }
}
