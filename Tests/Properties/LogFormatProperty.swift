import Basics
import HTTP
import Policy
import Telemetry

/// Log formats: any text compiles or is refused at one of its variables. Whatever bytes come, a
/// line is one line, its quotes are the format's own, and JSON is JSON.
///
/// An input is a format's text, a zero, and a request as it came.
final class LogFormatProperty: Property {
  private var head = RequestHead()
  private var record = ExchangeRecord()
  private let path = Scratch()
  private let written = Scratch(capacity: 1 << 20)

  func check(_ input: Span<UInt8>) throws(Violation) {
    var zero = 0
    while zero < input.count && input[zero] != 0 { zero += 1 }
    let request = input.extracting(min(zero + 1, input.count)..<input.count)
    layOut(request)
    try checkBuiltIn(request)
    let text = clean(input.extracting(0..<zero))
    guard let template = try compile(text) else { return }
    for escape in [LogEscape.standard, .json, .none] {
      try checkTemplate(template, text, escape, request)
    }
    try checkJSONTemplate(text, request)
  }

  // MARK: The request

  /// Makes the record that of this request. What a head can't hold reaches the log as well: a path
  /// is decoded, and a response's fields and refused IDs are whatever came.
  private func layOut(_ request: Span<UInt8>) {
    record.reset()
    head.reset()
    let limits = HeadLimits(
      maximumLineBytes: 8_192, maximumHeadBytes: 32_768, maximumFieldCount: 100)
    let isComplete = (try? head.parse(request, limits: limits)) == true
    record.hasRequestLine = isComplete || !head.target.isEmpty
    record.status = isComplete ? 200 : 400
    record.error = isComplete ? .none : .httpRequestError
    record.termination = isComplete ? .completed : Termination(.client, .requestHead)
    record.clientRequestID.assign(request)
    record.upstreamRequestID.assign(request)
    record.requestID.append(UInt8(ascii: "i"))
    record.idSource = .invalid
    record.tryCount = request.count & 3
    record.upstreamStatus = 200
    let captured = ByteRange(start: 0, count: request.count)
    for slot in record.captures.indices { record.captures[slot] = captured }
    record.hasCaptures = true
    path.clear()
    let raw = request.extracting(head.path.offsets)
    if !PathNormalization.normalize(raw, into: &path.writer) { path.clear() }
  }

  private func clean(_ bytes: Span<UInt8>) -> String {
    var text: [UInt8] = []
    // A format may hold a line end itself; what is claimed here is about values.
    for index in bytes.indices { text.append(isControl(bytes[index]) ? 0x20 : bytes[index]) }
    return String(decoding: text, as: UTF8.self)
  }

  // MARK: Compiling

  private func compile(_ text: String) throws(Violation) -> CompiledTemplate? {
    let compiled = CompiledTemplate()
    do throws(TemplateError) {
      try compiled.compile(text)
      return compiled
    } catch {
      let bytes = Array(text.utf8)
      try expect(
        bytes.indices.contains(error.offset) && bytes[error.offset] == UInt8(ascii: "$"),
        "a text is refused at a variable")
      try expect(!error.message.isEmpty, "a refusal has a reason")
      return nil
    }
  }

  // MARK: Lines

  private func checkBuiltIn(_ request: Span<UInt8>) throws(Violation) {
    try write(LogFormat(kind: .json), request)
    try checkLine("a JSON line is one line")
    try expect(StrictJSON.isValid(Array(written.written.dropLast())), "a JSON line is JSON")
    for kind in [LogFormat.Kind.verbose, .simple] {
      try write(LogFormat(kind: kind), request)
      try checkLine("a line of text is one line")
      for byte in written.written.dropLast() {
        try expect(byte < 0x7F, "a line of text is ASCII")
      }
    }
  }

  private func checkTemplate(
    _ compiled: CompiledTemplate, _ text: String, _ escape: LogEscape, _ request: Span<UInt8>
  ) throws(Violation) {
    let format = LogFormat(kind: .template, template: compiled.template, escape: escape)
    try write(format, request)
    try checkLine("a line is one line")
    guard escape == .standard else { return }
    var quotes = 0
    for byte in written.written where byte == 0x22 { quotes += 1 }
    try expect(
      quotes == text.utf8.count { $0 == 0x22 }, "no value brings a quote into a standard line")
  }

  /// The text as a string of a JSON format: its values can't leave the string.
  private func checkJSONTemplate(_ text: String, _ request: Span<UInt8>) throws(Violation) {
    let inner = text.filter { $0 != "\"" && $0 != "\\" }
    guard let compiled = try compile("{\"value\":\"" + inner + "\"}") else { return }
    try write(
      LogFormat(kind: .template, template: compiled.template, escape: .json), request)
    try expect(
      StrictJSON.isValid(Array(written.written.dropLast())), "a JSON format's line is JSON")
  }

  /// Writes the line, and again with less room than it needs.
  private func write(_ format: LogFormat, _ request: Span<UInt8>) throws(Violation) {
    written.clear()
    let lent = ExchangeBytes(head: request, path: path.written.span, captured: request)
    format.write(&record, head: &head, bytes: lent, into: &written.writer)
    try expect(!written.writer.overflowed, "a line fits")
    let count = written.written.count
    guard count > 1 else { return }
    let room = 1 + request.count % (count - 1)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room) { memory in
      var writer = ByteWriter(memory)
      format.write(&record, head: &head, bytes: lent, into: &writer)
      precondition(writer.overflowed && writer.count <= room, "too little room is told")
    }
  }

  private func checkLine(_ rule: StaticString) throws(Violation) {
    let line = written.written
    try expect(line.last == 0x0A, rule)
    for byte in line.dropLast() { try expect(!isControl(byte), rule) }
  }
}

/// A template and the arena that its tables lie in.
private final class CompiledTemplate {
  private let arena = Arena()
  private(set) var template = Template(parts: .empty)

  func compile(_ text: String) throws(TemplateError) {
    var compiler = TemplateCompiler(arena: arena, hostname: "machine")
    template = try compiler.compile(text)
  }
}
