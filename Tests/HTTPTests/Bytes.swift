// Small bridges between the texts that tests are written in and the spans that parsers take.
import Basics
import HTTP

extension String {
  /// The text's bytes, one for each scalar: `\u{80}` to `\u{FF}` are single bytes here.
  var octets: [UInt8] { unicodeScalars.map { UInt8($0.value) } }
}

extension ByteRange {
  /// The bytes that the range names, as text.
  func text(in bytes: [UInt8]) -> String {
    String(decoding: bytes[offsets], as: UTF8.self)
  }
}

/// What `body` writes, as text.
func written(_ body: (inout ByteWriter) -> Void) -> String {
  String(decoding: writtenBytes(body), as: UTF8.self)
}

/// What `body` writes; `capacity` bytes fit.
func writtenBytes(capacity: Int = 4_096, _ body: (inout ByteWriter) -> Void) -> [UInt8] {
  let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: capacity)
  defer { memory.deallocate() }
  var writer = ByteWriter(memory)
  body(&writer)
  return Array(writer.written)
}

/// Bounds wide enough not to matter.
let wideLimits = HeadLimits(
  maximumLineBytes: 8_192, maximumHeadBytes: 32_768, maximumFieldCount: 100)

/// What a parser made of some bytes, in a form that can be compared.
struct Outcome: Equatable, CustomStringConvertible {
  var error: HTTP1Error.Kind?
  var isComplete = false
  var facts: [String] = []
  var description: String { "\(error.map { "\($0)" } ?? "complete \(isComplete)") \(facts)" }
}

extension RequestHead {
  /// Everything that the head says, but for its progress.
  func facts(_ bytes: [UInt8]) -> [String] {
    var facts = [
      "\(method)", methodRange.text(in: bytes), target.text(in: bytes), "\(targetForm)",
      path.text(in: bytes), "\(hasQuery)", query.text(in: bytes), "\(version)",
      authority.text(in: bytes), host.text(in: bytes), "\(connection.rawValue)", "\(framing)",
      "\(expectsContinue)", "\(requestsUpgrade)", "\(byteCount)",
    ]
    for index in 0..<fields.count { facts.append(fields[index].fact(bytes)) }
    return facts
  }
}

extension ResponseHead {
  /// Everything that the head says, but for its progress.
  func facts(_ bytes: [UInt8]) -> [String] {
    var facts = [
      "\(version)", "\(status)", reason.text(in: bytes), "\(connection.rawValue)",
      contentLength.map { "\($0)" } ?? "-", "\(isChunked)", "\(byteCount)",
    ]
    for index in 0..<fields.count { facts.append(fields[index].fact(bytes)) }
    return facts
  }
}

extension FieldLine {
  func fact(_ bytes: [UInt8]) -> String {
    "\(name.text(in: bytes))|\(value.text(in: bytes))|\(known)"
  }
}

/// Gives a request parser `bytes` up to each of `ends` in turn.
func requestOutcome(
  _ bytes: [UInt8], ends: [Int], limits: HeadLimits = wideLimits
) -> Outcome {
  var head = RequestHead()
  return outcome(ends) { end throws(HTTP1Error) in
    let isComplete = try head.parse(bytes.span.extracting(0..<end), limits: limits)
    return (isComplete, isComplete ? head.facts(bytes) : [])
  }
}

/// Gives a response parser `bytes` up to each of `ends` in turn.
func responseOutcome(
  _ bytes: [UInt8], ends: [Int], limits: HeadLimits = wideLimits
) -> Outcome {
  var head = ResponseHead()
  return outcome(ends) { end throws(HTTP1Error) in
    let isComplete = try head.parse(bytes.span.extracting(0..<end), limits: limits)
    return (isComplete, isComplete ? head.facts(bytes) : [])
  }
}

private func outcome(
  _ ends: [Int], _ parse: (Int) throws(HTTP1Error) -> (Bool, [String])
) -> Outcome {
  var result = Outcome()
  for end in ends {
    do throws(HTTP1Error) {
      (result.isComplete, result.facts) = try parse(end)
    } catch {
      return Outcome(error: error.kind)
    }
    if result.isComplete { return result }
  }
  return result
}

// `#expect` can't look into calls that take spans; these take texts and arrays instead.

extension RequestHead {
  mutating func parse(_ bytes: [UInt8]) throws -> Bool {
    try parse(bytes.span, limits: wideLimits)
  }
}

extension ResponseHead {
  mutating func parse(_ bytes: [UInt8]) throws -> Bool {
    try parse(bytes.span, limits: wideLimits)
  }
}

extension FieldName {
  init(_ bytes: [UInt8]) { self.init(classifying: bytes.span) }
}

extension PeerAddress {
  init?(_ text: String) { self.init(parsing: text.octets.span) }
}

func equalIgnoringCase(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  FieldNameMatch.equalIgnoringCase(left.span, right.span)
}

func foldsAlike(_ left: String, _ right: String) -> Bool {
  FieldNameMatch.foldsAlike(left.octets.span, right.octets.span)
}

func isNormalPath(_ path: [UInt8]) -> Bool {
  PathNormalization.isNormal(path.span)
}

/// The normal form of a path, or nil.
func normalizedPath(_ path: [UInt8], behind start: String = "", capacity: Int = 4_096) -> [UInt8]? {
  var isValid = false
  let bytes = writtenBytes(capacity: capacity) { writer in
    writer.append(start.octets.span)
    isValid = PathNormalization.normalize(path.span, into: &writer)
  }
  return isValid ? bytes : nil
}
