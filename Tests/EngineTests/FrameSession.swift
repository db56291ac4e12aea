import HTTP
import Simulation

@testable import Engine

/// A protocol as simple as one that carries several streams can be: frames of a kind, the number of
/// a stream and content. It proves that the engine knows nothing of HTTP/1 above its own files.
enum Frame {
  /// `H` and `F`: a head, `F` when nothing follows it. `D` and `L`: content, `L` the last one.
  /// `R`: the stream is given up. `W`: credit for as many bytes.
  static func make(_ kind: String, _ stream: Int, _ content: String = "") -> String {
    let length = String(content.utf8.count, radix: 16)
    let number = String(stream)
    return kind + String(repeating: "0", count: 3 - number.count) + number
      + String(repeating: "0", count: 4 - length.count) + length + content
  }

  /// Bytes before a frame's content.
  static let headByteCount = 8

  /// The kind, the stream and the length that a frame's first bytes name.
  static func read(_ bytes: ArraySlice<UInt8>) -> (kind: UInt8, stream: UInt32, length: Int)? {
    guard bytes.count >= headByteCount else { return nil }
    let text = String(decoding: bytes.prefix(headByteCount), as: UTF8.self)
    guard let stream = UInt32(text.dropFirst().prefix(3)),
      let length = Int(text.dropFirst(4), radix: 16)
    else { return nil }
    return (bytes[bytes.startIndex], stream, length)
  }

  /// Takes apart what came of each stream: its head, its content, and how it ended.
  static func streams(of bytes: [UInt8]) -> [UInt32: (head: String, content: [UInt8], end: String)]
  {
    var streams: [UInt32: (head: String, content: [UInt8], end: String)] = [:]
    var rest = bytes[...]
    while let (kind, number, length) = read(rest), rest.count >= headByteCount + length {
      let content = rest.dropFirst(headByteCount).prefix(length)
      rest = rest.dropFirst(headByteCount + length)
      var stream = streams[number] ?? ("", [], "")
      switch kind {
      case UInt8(ascii: "H"), UInt8(ascii: "F"):
        stream.head += String(decoding: content, as: UTF8.self)
      case UInt8(ascii: "D"), UInt8(ascii: "L"): stream.content += content
      default: break
      }
      switch kind {
      case UInt8(ascii: "F"), UInt8(ascii: "L"): stream.end += "end"
      case UInt8(ascii: "R"): stream.end += "reset"
      default: break
      }
      streams[number] = stream
    }
    return streams
  }
}

/// The engine's side of it.
final class FrameSession: Session {
  /// Content that may wait to be written.
  private static let window = 40_000
  private static let capacity = 1 << 20

  private var arrived: [UInt8] = []
  private var heads: [UInt32: [UInt8]] = [:]
  /// Streams, and on which sides they have ended.
  private var ends: [UInt32: (here: Bool, there: Bool)] = [:]
  private let content = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 1)
  private let pending = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 1)
  private var pendingCount = 0

  deinit {
    content.deallocate()
    pending.deallocate()
  }

  override func next(_ bytes: inout UnsafeRawBufferPointer) -> SessionEvent {
    arrived += bytes
    bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    guard let (kind, stream, length) = Frame.read(arrived[...]) else {
      return arrived.count < Frame.headByteCount ? .nothing : .broken
    }
    guard arrived.count >= Frame.headByteCount + length else { return .nothing }
    let bytes = Array(arrived[Frame.headByteCount..<Frame.headByteCount + length])
    arrived.removeFirst(Frame.headByteCount + length)
    let isLast = kind == UInt8(ascii: "F") || kind == UInt8(ascii: "L")
    switch kind {
    case UInt8(ascii: "H"), UInt8(ascii: "F"):
      heads[stream] = bytes
      ends[stream] = (here: false, there: isLast)
      return .head(stream, ends: isLast)
    case UInt8(ascii: "D"), UInt8(ascii: "L"):
      ends[stream]?.there = isLast
      content.copyBytes(from: bytes)
      return .content(stream, UnsafeRawBufferPointer(rebasing: content[..<length]), ends: isLast)
    case UInt8(ascii: "R"):
      ends[stream] = nil
      return .reset(stream, .reset)
    default: return .broken
    }
  }

  override var queuedFrameCount: Int { 0 }

  override func largestHeadByteCount(_ stream: UInt32) -> Int { heads[stream]?.count ?? 0 }

  override func takeHead(
    _ stream: UInt32, into memory: UnsafeMutableRawBufferPointer
  ) throws(HTTP1Error) -> Int {
    guard let bytes = heads.removeValue(forKey: stream) else {
      throw HTTP1Error(.malformedFields, at: 0)
    }
    memory.copyBytes(from: bytes)
    return bytes.count
  }

  override func giveCredit(_ stream: UInt32, _ count: Int) { put("W", stream, "\(count)") }

  override func putHead(
    _ stream: UInt32, _ bytes: UnsafeRawBufferPointer, ends isLast: Bool
  ) -> Int {
    var fields = HeadFields(bytes)
    var text = ""
    while let (name, value) = fields.next() {
      text += String(decoding: name, as: UTF8.self).lowercased()
      text += "=" + String(decoding: value, as: UTF8.self) + "\n"
    }
    let isLast = isLast && fields.byteCount == bytes.count
    put(isLast ? "F" : "H", stream, text)
    if isLast { ends[stream]?.here = true }
    return fields.byteCount
  }

  override func putContent(
    _ stream: UInt32, _ bytes: UnsafeRawBufferPointer, ends isLast: Bool
  ) -> Int {
    let count = min(bytes.count, max(0, FrameSession.window - pendingCount))
    if count == bytes.count && isLast {
      put("L", stream, bytes)
      ends[stream]?.here = true
    } else if count > 0 {
      put("D", stream, UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    }
    return count
  }

  override func maySend(_ stream: UInt32) -> Bool { pendingCount < FrameSession.window }
  override var hasEvents: Bool { false }
  override func announceEnd() {}
  override func end() {}
  /// There is no last frame: a connection without streams may end at any time.
  override var isFinished: Bool { false }

  override func release(_ stream: UInt32) {
    if let end = ends.removeValue(forKey: stream), !end.here || !end.there { put("R", stream, "") }
  }

  override var output: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: pending[..<pendingCount])
  }

  override func dropOutput(_ count: Int) {
    pending.copyBytes(from: pending[count..<pendingCount])
    pendingCount -= count
  }

  private func put(_ kind: String, _ stream: UInt32, _ text: String) {
    Array(text.utf8).withUnsafeBytes { put(kind, stream, $0) }
  }

  private func put(_ kind: String, _ stream: UInt32, _ bytes: UnsafeRawBufferPointer) {
    let length = String(bytes.count, radix: 16)
    var frame = Array(Frame.make(kind, Int(stream)).utf8)
    frame.replaceSubrange(
      4..<8, with: (String(repeating: "0", count: 4 - length.count) + length).utf8)
    frame += bytes
    precondition(pendingCount + frame.count <= pending.count)
    UnsafeMutableRawBufferPointer(rebasing: pending[pendingCount...]).copyBytes(from: frame)
    pendingCount += frame.count
  }
}
