// Going through a stream of messages with strict framing, one after the other: what a careful peer
// makes of the bytes that came.

import Basics
import HTTP

/// Bounds wide enough not to matter.
let wideLimits = HeadLimits(
  maximumLineBytes: 1 << 15, maximumHeadBytes: 1 << 16, maximumFieldCount: 128)

/// How the content of one message went.
struct WalkedContent {
  /// Bytes of it, framing included; all that came when its end has not.
  var byteCount = 0
  /// Bytes of it without framing.
  var contentCount = 0
  /// False when its end has not come.
  var isComplete = true
  /// True when its framing is broken.
  var isMalformed = false

  /// The content that begins at `start` of `bytes`.
  init(_ framing: ContentFraming, _ bytes: [UInt8], from start: Int) {
    let available = bytes.count - start
    switch framing {
    case .none: break
    case .length(let length):
      isComplete = length <= UInt64(available)
      byteCount = isComplete ? Int(length) : available
      contentCount = byteCount
    case .untilClose:
      byteCount = available
      contentCount = available
    case .chunked: readChunks(Array(bytes[start...]))
    }
  }

  private mutating func readChunks(_ bytes: [UInt8]) {
    let chunks = PlainChunks(bytes.span, maximumLineBytes: 256)
    contentCount = chunks.contentCount
    isMalformed = chunks.end == .refused
    isComplete = false
    byteCount = bytes.count
    guard chunks.end == .last else { return }
    var trailers = FieldSection()
    let rest = bytes.span.extracting(chunks.consumed..<bytes.count)
    do throws(HTTP1Error) {
      guard let count = try trailers.parseTrailers(rest, maximumBytes: 8_192) else { return }
      isComplete = true
      byteCount = chunks.consumed + count
    } catch {
      isMalformed = true
    }
  }
}

/// The values of all field lines of a name.
func values(
  of name: StaticString, in fields: borrowing FieldSection, _ bytes: [UInt8]
) -> [String] {
  var values: [String] = []
  for index in 0..<fields.count {
    let line = fields[index]
    guard isSpelled(bytes.span.extracting(line.name.offsets), name) else { continue }
    values.append(String(decoding: bytes[line.value.offsets], as: UTF8.self))
  }
  return values
}

/// How many requests, or attempts at one, a client's bytes are: each may have a log line, and
/// nothing else may.
func countRequests(_ bytes: [UInt8]) -> Int {
  var head = RequestHead()
  var position = 0
  var count = 0
  while position < bytes.count {
    count += 1
    head.reset()
    let rest = Array(bytes[position...])
    guard (try? head.parse(rest.span, limits: wideLimits)) == true else { break }
    let content = WalkedContent(head.framing, rest, from: head.byteCount)
    guard content.isComplete, !content.isMalformed else { break }
    position += head.byteCount + content.byteCount
  }
  return count
}
