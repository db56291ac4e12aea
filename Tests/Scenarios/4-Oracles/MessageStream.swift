/// A message as it stands in a stream of bytes.
struct SeenMessage {
  var startLine = ""
  /// Names in lower case, values without white space around them.
  var fields: [(name: String, value: String)] = []
  var content: [UInt8] = []
  var hasHead = false
  var isComplete = false
  /// Where it begins in the stream, and where the next one does.
  var start = 0
  var end = 0

  func values(of name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }
  func value(of name: String) -> String? { fields.first { $0.name == name }?.value }

  var words: [Substring] { startLine.split(separator: " ", omittingEmptySubsequences: false) }
  /// The status code of a response; 0 when there is none.
  var status: Int { words.count > 1 ? Int(words[1]) ?? 0 : 0 }
  var isInterim: Bool { (100...199).contains(status) && status != 101 }
  /// True when its sender says that no other one follows.
  var closes: Bool {
    values(of: "connection").contains { $0.lowercased().contains("close") }
  }
}

/// Reads messages one behind the other by the strictest reading of RFC 9112, without any code that
/// is under test. What a lenient reader could take for something else is an error here.
struct MessageStream {
  /// Why the bytes are no message.
  struct Malformed: Error { let reason: String }

  enum Kind {
    case request
    /// `method` is that of the request that is answered; `hasEnded` says that the stream has.
    case response(method: String, hasEnded: Bool)
  }

  let bytes: [UInt8]
  private(set) var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }
  /// What no message has taken.
  var rest: ArraySlice<UInt8> { bytes[position...] }

  /// The next message, as much as there is of it.
  mutating func next(_ kind: Kind) throws(Malformed) -> SeenMessage {
    var message = SeenMessage()
    message.start = position
    guard try readHead(&message) else {
      position = bytes.count
      return message
    }
    message.hasHead = true
    try readContent(&message, kind)
    message.end = position
    return message
  }

  private mutating func readHead(_ message: inout SeenMessage) throws(Malformed) -> Bool {
    guard let line = try readLine() else { return false }
    message.startLine = line
    return try readFields(&message.fields)
  }

  private mutating func readFields(
    _ fields: inout [(name: String, value: String)]
  ) throws(Malformed) -> Bool {
    while let line = try readLine() {
      if line.isEmpty { return true }
      guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")), colon != line.startIndex
      else { throw Malformed(reason: "no field line: \(line)") }
      let name = line[..<colon].lowercased()
      if name.utf8.contains(where: { $0 <= 32 }) { throw Malformed(reason: "field name \(name)") }
      let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      fields.append((name, String(value)))
    }
    return false
  }

  /// A line without its CR LF; nil when its end has not come.
  private mutating func readLine() throws(Malformed) -> String? {
    guard let end = bytes[position...].firstIndex(of: 10) else { return nil }
    guard end > position, bytes[end - 1] == 13 else { throw Malformed(reason: "a bare LF") }
    let line = bytes[position..<(end - 1)]
    if line.contains(where: { $0 < 32 && $0 != 9 }) {
      throw Malformed(reason: "a control character in a line")
    }
    position = end + 1
    return String(decoding: line, as: UTF8.self)
  }

  private mutating func readContent(
    _ message: inout SeenMessage, _ kind: Kind
  ) throws(Malformed) {
    let lengths = message.values(of: "content-length")
    let codings = message.values(of: "transfer-encoding")
    guard lengths.count + codings.count <= 1 else { throw Malformed(reason: "two framings") }
    if case .response(let method, _) = kind,
      method == "HEAD" || message.status < 200 || [204, 304].contains(message.status)
    {
      message.isComplete = true
    } else if let coding = codings.first {
      guard coding == "chunked" else { throw Malformed(reason: "coding \(coding)") }
      try readChunks(&message)
    } else if let length = lengths.first {
      guard let count = Int(length), count >= 0 else { throw Malformed(reason: "length \(length)") }
      take(count, into: &message)
      message.isComplete = message.content.count == count
    } else if case .response(_, let hasEnded) = kind {
      take(.max, into: &message)
      message.isComplete = hasEnded
    } else {
      message.isComplete = true
    }
  }

  private mutating func readChunks(_ message: inout SeenMessage) throws(Malformed) {
    while let line = try readLine() {
      guard let size = Int(line.prefix { $0 != ";" }, radix: 16), size >= 0 else {
        throw Malformed(reason: "chunk size \(line)")
      }
      if size == 0 {
        var trailers: [(name: String, value: String)] = []
        message.isComplete = try readFields(&trailers)
        return
      }
      let before = message.content.count
      take(size, into: &message)
      guard message.content.count - before == size else { return }
      guard let line = try readLine() else { return }
      if !line.isEmpty { throw Malformed(reason: "a chunk of another size than it says") }
    }
    position = bytes.count
  }

  private mutating func take(_ count: Int, into message: inout SeenMessage) {
    let amount = min(count, bytes.count - position)
    message.content += bytes[position..<(position + amount)]
    position += amount
  }
}
