/// Finds one message in the bytes that a peer receives, however they are cut.
///
/// It is lenient (a bare LF ends a line, what is no field line is skipped), for it has to show what
/// came, not to judge it.
struct MessageReader {
  /// What kind of message comes, which decides where it ends (RFC 9112 section 6.3).
  enum Kind {
    case request
    case response(isBodiless: Bool)
  }

  private enum Stage {
    case startLine, fields
    case content(remaining: Int)
    case contentUntilEnd
    case chunkSize, chunkEnd, trailers
    case chunk(remaining: Int)
    case complete
  }

  private let kind: Kind
  private var stage = Stage.startLine
  private var line: [UInt8] = []
  private(set) var message = WireMessage()

  /// True once the head has come.
  private(set) var hasHead = false

  init(_ kind: Kind) { self.kind = kind }

  /// True when a byte of the message has come.
  var hasBegun: Bool { !message.startLine.isEmpty || !line.isEmpty }

  /// Takes bytes from `position` on, until the message is complete or there are no more.
  mutating func consume(_ bytes: [UInt8], from position: inout Int) {
    while position < bytes.count, !message.isComplete {
      switch stage {
      case .content(let remaining):
        let amount = take(remaining, of: bytes, from: &position)
        stage = .content(remaining: remaining - amount)
        if amount == remaining { complete() }
      case .chunk(let remaining):
        let amount = take(remaining, of: bytes, from: &position)
        stage = amount == remaining ? .chunkEnd : .chunk(remaining: remaining - amount)
      case .contentUntilEnd:
        _ = take(bytes.count - position, of: bytes, from: &position)
      default:
        consumeLineByte(bytes[position])
        position += 1
      }
    }
  }

  /// The sender has ended its stream: that completes content which nothing else delimits.
  mutating func end() {
    if case .contentUntilEnd = stage { complete() }
  }

  private mutating func take(
    _ wanted: Int, of bytes: [UInt8], from position: inout Int
  ) -> Int {
    let amount = min(wanted, bytes.count - position)
    message.content += bytes[position..<(position + amount)]
    position += amount
    return amount
  }

  private mutating func consumeLineByte(_ byte: UInt8) {
    guard byte == UInt8(ascii: "\n") else { return line.append(byte) }
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    let text = String(decoding: line, as: UTF8.self)
    line.removeAll(keepingCapacity: true)
    finishLine(text)
  }

  private mutating func finishLine(_ text: String) {
    switch stage {
    case .startLine:
      // Empty lines before a request are allowed (RFC 9112 section 2.2).
      guard !text.isEmpty else { return }
      message.startLine = text
      stage = .fields
    case .fields:
      if text.isEmpty { finishHead() } else { message.fields += field(of: text) }
    case .chunkSize:
      let digits = text.prefix { $0.isHexDigit }
      let size = Int(digits, radix: 16) ?? 0
      stage = size == 0 ? .trailers : .chunk(remaining: size)
    case .chunkEnd: stage = .chunkSize
    case .trailers:
      if text.isEmpty { complete() } else { message.trailers += field(of: text) }
    case .content, .contentUntilEnd, .chunk, .complete: break
    }
  }

  private func field(of line: String) -> [WireMessage.Field] {
    guard let colon = line.firstIndex(of: ":") else { return [] }
    let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
    let end = value.lastIndex { $0 != " " && $0 != "\t" }
    let trimmed = end.map { value[...$0] } ?? ""
    return [WireMessage.Field(name: String(line[..<colon]), value: String(trimmed))]
  }

  private mutating func finishHead() {
    hasHead = true
    let codings = message.values(of: "transfer-encoding").joined(separator: ",").lowercased()
    let length = message.value(of: "content-length").flatMap { Int($0) }
    if hasNoContent {
      complete()
    } else if codings.contains("chunked") {
      message.isChunked = true
      stage = .chunkSize
    } else if let length {
      stage = .content(remaining: length)
      if length == 0 { complete() }
    } else if case .request = kind {
      complete()
    } else {
      stage = .contentUntilEnd
    }
  }

  private var hasNoContent: Bool {
    guard case .response(let isBodiless) = kind else { return false }
    return isBodiless || (100...199).contains(message.status) || message.status == 204
      || message.status == 304
  }

  private mutating func complete() {
    message.isComplete = true
    stage = .complete
  }
}
