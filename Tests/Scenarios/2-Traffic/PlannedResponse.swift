import Basics
import Simulation

/// A response that a backend sends, right or wrong.
struct PlannedResponse {
  let nonce: String
  let seenID: String
  let idField: String
  let isHead: Bool
  let closes: Bool
  let isBulky: Bool

  /// A response to nothing.
  static let unasked =
    "HTTP/1.1 200 OK\r\nX-Nonce: unasked\r\nX-Planned: 0\r\nContent-Length: 0\r\n\r\n"

  /// What a backend does that answers so.
  func actions(_ kind: ResponseKind, _ chance: inout SeededGenerator) -> [PeerAction] {
    let count = chance.below(chance.pick(isBulky ? [100, 20_000] : [2, 100, 1_000]))
    let content = Filler.bytes(of: nonce, .response, count: count)
    let end: [PeerAction] = closes ? [.close] : []
    if kind.isFaithful { return faithful(kind, content, &chance) + end }
    return wrong(kind, content, &chance)
  }

  private func faithful(
    _ kind: ResponseKind, _ content: [UInt8], _ chance: inout SeededGenerator
  ) -> [PeerAction] {
    let plain = message(content)
    switch kind {
    case .noContent: return [.send(head("204 No Content", 0) + "\r\n")]
    case .notModified: return [.send(head("304 Not Modified", 0) + "\r\n")]
    case .chunked: return [.sendBytes(chunked(content, trailers: "", &chance))]
    case .chunkedWithTrailers:
      return [.sendBytes(chunked(content, trailers: "X-T: \(nonce)\r\n", &chance))]
    case .untilClose:
      let end = isHead ? "Connection: close\r\n\r\n" : "\r\n"
      let head = Array((head("200 OK", content.count) + end).utf8)
      return [.sendBytes(head + (isHead ? [] : content)), .close]
    case .closing: return [.sendBytes(message(content, "Connection: close\r\n")), .close]
    case .interim:
      let hint = "HTTP/1.1 103 Early Hints\r\nLink: <\(nonce)>\r\n\r\n"
      return [.sendBytes(Array(hint.utf8) + plain)]
    case .slow:
      let size = max(plain.count / 30, chance.pick([1, 50]))
      return [.sendPieces(plain, size: size, every: .milliseconds(UInt64(chance.pick([1, 20]))))]
    case .large:
      let count = chance.pick(isBulky ? [30_000, 70_000, 300_000] : [2_000])
      return [.sendBytes(message(Filler.bytes(of: nonce, .response, count: count)))]
    case .pondering:
      let wait = Interval.milliseconds(UInt64(chance.pick([5, 300])))
      return [.pause(wait), .sendBytes(plain)]
    case .ownID: return [.sendBytes(message(content, "\(idField): own-\(nonce)\r\n"))]
    case .unavailable:
      return [.sendBytes(message(content, status: "503 Service Unavailable"))]
    default: return [.sendBytes(plain)]
    }
  }

  private func wrong(
    _ kind: ResponseKind, _ content: [UInt8], _ chance: inout SeededGenerator
  ) -> [PeerAction] {
    let plain = message(content)
    let start = head("200 OK", content.count)
    switch kind {
    case .earlyClosing: return [.sendBytes(message(content, "Connection: close\r\n"))]
    case .twoLengths: return [.send(start + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab")]
    case .bothFramings:
      return [.send(start + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    case .garbage: return [.send("\u{1}\u{2} this is no HTTP\r\n\r\n")]
    case .hugeHead:
      return [.send(start + "X: \(String(repeating: "y", count: 40_000))\r\n\r\n")]
    case .cutContent: return [.sendBytes(Array(plain.dropLast(chance.between(1...50)))), .close]
    case .cutChunk:
      return [.sendBytes(Array(chunked(content, trailers: "", &chance).dropLast(3))), .close]
    case .badChunk:
      let whole = Filler.bytes(of: nonce, .response, count: content.count + 2).prefix(2)
      let text = head("200 OK", content.count + 2) + "Transfer-Encoding: chunked\r\n\r\n2\r\n"
      return [.sendBytes(Array(text.utf8) + whole + Array("XX\r\n0\r\n\r\n".utf8))]
    case .silentClose: return [.close]
    case .reset: return [.sendBytes(Array(plain.prefix(chance.below(plain.count)))), .reset]
    case .unaskedAtOnce: return [.sendBytes(plain + Array(PlannedResponse.unasked.utf8))]
    case .unaskedLater:
      let wait = Interval(nanoseconds: UInt64(chance.pick([10_000, 100_000, 500_000, 5_000_000])))
      return [.sendBytes(plain), .pause(wait), .send(PlannedResponse.unasked)]
    case .strayBytes: return [.sendBytes(plain + [13, 10])]
    case .unaskedSwitch:
      return [.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n")]
    case .manyInterims:
      let hints = String(repeating: "HTTP/1.1 103 Early Hints\r\n\r\n", count: 40)
      return [.sendBytes(Array(hints.utf8) + plain)]
    default: return []
    }
  }

  /// The head without framing and its last line end.
  private func head(_ status: String, _ count: Int) -> String {
    "HTTP/1.1 \(status)\r\nX-Nonce: \(nonce)\r\nX-Seen: \(seenID)\r\nX-Planned: \(count)\r\n"
      + (closes ? "Connection: close\r\n" : "")
  }

  private func message(
    _ content: [UInt8], _ fields: String = "", status: String = "200 OK"
  ) -> [UInt8] {
    let text =
      head(status, content.count) + fields + "Content-Length: \(content.count)\r\n\r\n"
    return Array(text.utf8) + (isHead ? [] : content)
  }

  private func chunked(
    _ content: [UInt8], trailers: String, _ chance: inout SeededGenerator
  ) -> [UInt8] {
    let text = head("200 OK", content.count) + "Transfer-Encoding: chunked\r\n\r\n"
    var bytes = Array(text.utf8)
    if isHead { return bytes }
    let size = max(content.count / 20, chance.pick([1, 100, 10_000]))
    for start in stride(from: 0, to: content.count, by: size) {
      let part = content[start..<min(start + size, content.count)]
      bytes += Array("\(String(part.count, radix: 16))\r\n".utf8) + part + [13, 10]
    }
    return bytes + Array("0\r\n\(trailers)\r\n".utf8)
  }
}
