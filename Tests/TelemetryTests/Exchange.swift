import Basics
import Policy
import Telemetry

@testable import HTTP

/// A request laid out by hand, so that heads which the parser refuses reach the log as well.
final class Exchange {
  let arena = Arena()
  var record = ExchangeRecord()
  var head = RequestHead()
  var bytes: [UInt8] = []
  var path: [UInt8] = []
  var captured: [UInt8] = []
  /// What expressions matched, and values of variables.
  var computed: [UInt8] = []
  /// Where these lie, by slot.
  var values: [ByteRange] = []

  /// A request of which nothing has come.
  init() {
    record.client = .loopback(5000)
    record.socketPeer = .loopback(5000)
    record.local = .loopback(8080)
    record.connection = 7
    record.connectionRequest = 3
    record.startTime = 1_795_384_716_123_456
    record.endTime = 1_795_384_716_124_690
    record.duration = Interval(nanoseconds: 1_234_567)
  }

  /// A request whose head has come; Host is one of `fields`.
  convenience init(
    _ method: String, _ target: [UInt8], fields: [(name: String, value: [UInt8])] = []
  ) {
    self.init()
    record.hasRequestLine = true
    head.methodRange = append(Array(method.utf8))
    _ = append([0x20])
    head.target = append(target)
    layOutTarget(target)
    _ = append(Array(" HTTP/1.1\r\n".utf8))
    for field in fields {
      let name = append(Array(field.name.utf8))
      _ = append(Array(": ".utf8))
      let value = append(field.value)
      _ = append(Array("\r\n".utf8))
      let known = FieldName.named(field.name)
      _ = head.fields.append(FieldLine(name: name, value: value, known: known))
      if known == .host { layOutHost(value, field.value) }
    }
    _ = append(Array("\r\n".utf8))
  }

  convenience init(_ method: String, _ target: String, fields: [(name: String, value: String)] = [])
  {
    self.init(method, Array(target.utf8), fields: fields.map { ($0.name, Array($0.value.utf8)) })
  }

  func setID(_ text: String) {
    record.requestID.assign(Array(text.utf8).span)
    record.idSource = .generated
  }

  /// Makes the record that of a request answered by a backend.
  func answer(_ status: UInt16, by peer: String) {
    record.status = status
    record.upstream = arena.freeze(peer)
    record.upstreamStatus = status
    record.upstreamConnect = Interval(nanoseconds: 0)
    record.upstreamFirstByte = Interval(nanoseconds: 900_000)
    record.upstreamDuration = Interval(nanoseconds: 1_000_999)
    record.tryCount = 1
  }

  func addTry(_ peer: String, status: UInt16, error: ErrorType, microseconds: UInt64) {
    record.tries[record.tryCount] = Try(
      peer: arena.freeze(peer), status: status, error: error,
      duration: Interval(nanoseconds: microseconds * 1_000))
    record.tryCount += 1
  }

  /// Makes the method the bytes of the target.
  func quoteTargetAsMethod() { head.methodRange = head.target }

  /// What `format` writes of it.
  func line(_ format: LogFormat) -> [UInt8] {
    collect { writer in
      let (bytes, path, captured) = (bytes, path, captured)
      let (computed, values) = (computed, values)
      let lent = ExchangeBytes(
        head: bytes.span, path: path.span, captured: captured.span, computed: computed.span,
        values: values.span)
      format.write(&record, head: &head, bytes: lent, into: &writer)
    }
  }

  func jsonLine() -> [UInt8] { line(LogFormat(kind: .json)) }

  /// What a header or a text makes of `template`.
  func value(of template: Template) -> String {
    string(
      collect { writer in
        let (bytes, path, captured) = (bytes, path, captured)
        let (computed, values) = (computed, values)
        let lent = ExchangeBytes(
          head: bytes.span, path: path.span, captured: captured.span, computed: computed.span,
          values: values.span)
        template.write(record, head: head, bytes: lent, into: &writer)
      })
  }

  /// What a log makes of `template`, without a line end.
  func value(of template: Template, escape: LogEscape) -> String {
    string(
      collect { writer in
        let (bytes, path, captured) = (bytes, path, captured)
        let (computed, values) = (computed, values)
        let lent = ExchangeBytes(
          head: bytes.span, path: path.span, captured: captured.span, computed: computed.span,
          values: values.span)
        template.write(record, head: head, bytes: lent, escape: escape, into: &writer)
      })
  }

  func isTrue(_ template: Template) -> Bool {
    let (bytes, path, captured) = (bytes, path, captured)
    let (computed, values) = (computed, values)
    let lent = ExchangeBytes(
      head: bytes.span, path: path.span, captured: captured.span, computed: computed.span,
      values: values.span)
    var scratch = InlineArray<2, UInt8>(repeating: 0)
    var memory = scratch.mutableSpan
    return memory.withUnsafeMutableBufferPointer { buffer in
      var writer = ByteWriter(buffer)
      return template.isTrue(record, head: head, bytes: lent, scratch: &writer)
    }
  }

  private func append(_ part: [UInt8]) -> ByteRange {
    defer { bytes += part }
    return ByteRange(start: bytes.count, count: part.count)
  }

  private func layOutTarget(_ target: [UInt8]) {
    let question = target.firstIndex(of: UInt8(ascii: "?"))
    let start = Int(head.target.start)
    head.path = ByteRange(start: start, count: question ?? target.count)
    path = Array(target[..<(question ?? target.count)])
    guard let question else { return }
    head.hasQuery = true
    head.query = ByteRange(start: start + question + 1, count: target.count - question - 1)
  }

  private func layOutHost(_ range: ByteRange, _ value: [UInt8]) {
    head.authority = range
    let colon = value.firstIndex(of: UInt8(ascii: ":")) ?? value.count
    head.host = ByteRange(start: Int(range.start), count: colon)
  }
}

extension FieldName {
  fileprivate static func named(_ name: String) -> FieldName {
    switch name.lowercased() {
    case "host": .host
    case "user-agent": .userAgent
    case "referer": .referer
    case "cookie": .cookie
    case "content-length": .contentLength
    case "content-type": .contentType
    case "x-forwarded-for": .xForwardedFor
    default: .other
    }
  }
}

extension PeerAddress {
  /// 127.0.0.1 with a port.
  static func loopback(_ port: UInt16) -> PeerAddress {
    PeerAddress(family: .ipv4, high: 0, low: 0x7f00_0001, port: port)
  }
}

/// What `body` writes; traps when it does not fit.
func collect(_ body: (inout ByteWriter) -> Void) -> [UInt8] {
  collect(capacity: 1 << 20) { writer in
    body(&writer)
    precondition(!writer.overflowed)
  }
}

/// What `body` writes into `capacity` bytes.
func collect(capacity: Int, _ body: (inout ByteWriter) -> Void) -> [UInt8] {
  let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: capacity)
  defer { memory.deallocate() }
  var writer = ByteWriter(memory)
  body(&writer)
  return Array(writer.written)
}

func string(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
