/// Takes apart the requests of a script that means well.
struct HTTP1RequestReader {
  enum Part {
    /// Pseudo-fields and fields as HTTP/2 has them, `:method` first.
    case head([(String, String)], hasContent: Bool)
    case content([UInt8])
    case end
  }

  private enum Stage {
    case head
    case content(remaining: Int)
    case chunkSize, chunkEnd, trailers
    case chunk(remaining: Int)
  }

  private var stage = Stage.head
  private var waiting: [UInt8] = []

  /// What more bytes come to.
  mutating func read(_ bytes: [UInt8]) -> [Part] {
    waiting += bytes
    var parts: [Part] = []
    while step(&parts) {}
    return parts
  }

  /// True when there may be more.
  private mutating func step(_ parts: inout [Part]) -> Bool {
    switch stage {
    case .head: return readHead(&parts)
    case .content(let remaining):
      guard let rest = take(remaining, &parts) else { return false }
      stage = .content(remaining: rest)
      if rest == 0 { end(&parts) }
    case .chunk(let remaining):
      guard let rest = take(remaining, &parts) else { return false }
      stage = rest == 0 ? .chunkEnd : .chunk(remaining: rest)
    case .chunkSize:
      guard let line = takeLine() else { return false }
      let size = Int(line.prefix { $0.isHexDigit }, radix: 16) ?? 0
      stage = size == 0 ? .trailers : .chunk(remaining: size)
    case .chunkEnd:
      guard takeLine() != nil else { return false }
      stage = .chunkSize
    case .trailers:
      guard let line = takeLine() else { return false }
      if line.isEmpty { end(&parts) }
    }
    return true
  }

  private mutating func end(_ parts: inout [Part]) {
    parts.append(.end)
    stage = .head
  }

  /// Takes content; says how much is left, nil when nothing has come.
  private mutating func take(_ remaining: Int, _ parts: inout [Part]) -> Int? {
    let count = min(remaining, waiting.count)
    guard count > 0 || remaining == 0 else { return nil }
    if count > 0 { parts.append(.content(Array(waiting[..<count]))) }
    waiting.removeFirst(count)
    return remaining - count
  }

  private mutating func takeLine() -> String? {
    guard let end = waiting.firstIndex(of: 10) else { return nil }
    defer { waiting.removeFirst(end + 1) }
    return String(decoding: waiting[..<max(0, end - 1)], as: UTF8.self)
  }

  private mutating func readHead(_ parts: inout [Part]) -> Bool {
    let mark: [UInt8] = [13, 10, 13, 10]
    guard let end = waiting.indices.first(where: { waiting[$0...].starts(with: mark) }) else {
      return false
    }
    let text = String(decoding: waiting[..<end], as: UTF8.self)
    waiting.removeFirst(end + 4)
    let lines = text.split(separator: "\r\n").map { String($0) }
    let words = lines[0].split(separator: " ").map { String($0) }
    var fields = [(":method", words[0]), (":scheme", "http"), (":path", words[1])]
    var (length, isChunked): (Int?, Bool) = (nil, false)
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let name = parts[0].lowercased()
      let value = parts[1].drop { $0 == " " }
      switch name {
      case "host": fields.insert((":authority", String(value)), at: 3)
      case "transfer-encoding": isChunked = true
      case "connection", "upgrade", "keep-alive": break
      default: fields.append((name, String(value)))
      }
      if name == "content-length" { length = Int(value) }
    }
    parts.append(.head(fields, hasContent: isChunked || length != nil))
    if isChunked {
      stage = .chunkSize
    } else if let length {
      stage = .content(remaining: length)
    }
    return true
  }
}
