// A request of a client of HTTP/2, and what a backend does with it: both follow from its path, so
// that a response can be judged by nothing but that.

import Basics
import Simulation

/// A request on a stream.
struct AskedRequest {
  /// What is unusual about its head.
  enum Extra: UInt8 {
    case none, packed, expecting, lengthy, many, split, padded, malformed
  }

  /// The locations that confs have.
  static let locations = [
    "plain", "packed", "swapped", "both", "static", "small", "unbuffered", "paced",
  ]
  private static let methods = ["GET", "POST", "HEAD", "PUT"]

  let path: String
  let method: String
  let extra: Extra
  let ends: Bool

  /// The request that two bytes of choices stand for.
  init(stream: UInt32, _ choices: UInt8, _ more: UInt8) {
    let location = AskedRequest.locations[Int(choices & 7)]
    let kind = AnswerKind.allCases[Int(choices >> 3 & 15)]
    path = "/\(location)/\(kind.rawValue).\(more & 7).\(stream)"
    method = AskedRequest.methods[Int(more >> 3 & 3)]
    extra = Extra(rawValue: more >> 5) ?? .none
    ends = choices & 128 != 0
  }

  /// Its head breaks the rules.
  var isMalformed: Bool { extra == .malformed || (extra == .lengthy && ends) }

  /// Its fields.
  var fields: [(String, String)] {
    let head = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a")]
    switch extra {
    case .none, .split, .padded: return head
    case .packed: return head + [("accept-encoding", "gzip")]
    case .expecting: return head + [("expect", "100-continue")]
    case .lengthy: return head + [("content-length", "110")]
    case .many:
      let more = (0..<40).map { ("x-\($0)", String(repeating: "v", count: 3 * $0)) }
      return head + [("cookie", "a=1"), ("te", "trailers"), ("cookie", "b=2")] + more
    case .malformed:
      let faults = [("connection", "close"), ("X-Big", "1"), (":path", "/")]
      return head + [faults[path.utf8.count % 3]]
    }
  }

  /// Bytes of the content that is sent on a stream: each tells its stream and its place.
  static func content(of stream: UInt32, _ range: Range<Int>) -> [UInt8] {
    range.map { UInt8(33 + (Int(stream % 97) * 31 + $0 * 7 + $0 / 89) % 90) }
  }
}

/// What a backend does with a request.
enum AnswerKind: String, CaseIterable {
  case plain, chunked, closing, early, earlyClosing, cut, silent, empty, interim, gone, late, slow
  case unmodified, malformed, reset, failed

  /// The kind that a path asks for; nil for one that nobody asks for.
  init?(path: String) {
    let name = path.split(separator: "/").last?.split(separator: ".").first
    guard let name, let kind = AnswerKind(rawValue: String(name)) else { return nil }
    self = kind
  }

  /// The status with which content follows that is the backend's own.
  var status: Int {
    switch self {
    case .empty: 204
    case .unmodified: 304
    case .failed: 500
    default: 200
    }
  }

  private static let sizes = [0, 1, 100, 3_000, 9_000, 20_000, 70_000, 33_000]

  /// The content that a path asks for: text in which the path stands again and again, and a word
  /// that is replaced where that was asked for.
  static func content(for path: String) -> [UInt8] {
    let parts = path.split(separator: ".")
    let size = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    var text: [UInt8] = []
    var line = 0
    while text.count < sizes[size & 7] {
      text += "<p>\(line) \(path) Needle</p>\n".utf8
      line += 1
    }
    return Array(text.prefix(sizes[size & 7]))
  }

  /// What is done when the head has come.
  func onHead(_ path: String, isHead: Bool) -> [PeerAction] {
    let answer = isHead ? head(AnswerKind.content(for: path).count) : whole(path)
    switch self {
    case .early: return [.sendBytes(answer)]
    case .earlyClosing: return [.sendBytes(answer), .close]
    default: return []
    }
  }

  /// What is done when the whole request has come.
  func onMessage(_ path: String, isHead: Bool) -> [PeerAction] {
    let content = AnswerKind.content(for: path)
    let whole = isHead ? head(content.count) : whole(path)
    let half = Array(content.prefix(content.count / 2))
    switch self {
    case .plain, .failed: return [.sendBytes(whole)]
    case .chunked: return [.sendBytes(head() + (isHead ? [] : chunks(content)))]
    case .closing:
      let head = Array("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n".utf8)
      return [.sendBytes(head + (isHead ? [] : content)), .close]
    case .early, .earlyClosing, .silent: return []
    case .cut: return [.sendBytes(head(content.count + 1) + (isHead ? [] : half)), .close]
    case .empty: return [.send("HTTP/1.1 204 No Content\r\n\r\n")]
    case .unmodified: return [.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n")]
    case .interim:
      let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
      return [.send("HTTP/1.1 100 Continue\r\n\r\n" + hints), .sendBytes(whole)]
    case .gone: return [.close]
    case .late: return [.pause(.milliseconds(3_000)), .sendBytes(whole)]
    case .slow:
      return [.sendPieces(whole, size: max(50, whole.count / 20), every: .milliseconds(50))]
    case .malformed: return [.send("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), .close]
    case .reset: return [.sendBytes(head() + (isHead ? [] : chunks(half).dropLast(5))), .reset]
    }
  }

  private func whole(_ path: String) -> [UInt8] {
    let content = AnswerKind.content(for: path)
    return head(content.count) + content
  }

  private func head(_ length: Int? = nil) -> [UInt8] {
    let framing = length.map { "Content-Length: \($0)" } ?? "Transfer-Encoding: chunked"
    return Array(
      "HTTP/1.1 \(status) Some\r\nContent-Type: text/html\r\n\(framing)\r\nX-A: b\r\n\r\n".utf8)
  }

  private func chunks(_ content: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = content[...]
    var size = 1
    while !rest.isEmpty {
      let piece = rest.prefix(size)
      bytes += "\(String(piece.count, radix: 16))\r\n".utf8 + piece + "\r\n".utf8
      rest = rest.dropFirst(size)
      size = size * 5 % 4_093 + 1
    }
    return bytes + "0\r\nX-Sum: 7\r\n\r\n".utf8
  }
}
