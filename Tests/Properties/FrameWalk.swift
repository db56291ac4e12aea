// Frames of HTTP/2 in the bytes of a connection, read without the code under test; only the fields
// of heads are unpacked by nghttp2.

import CNghttp2

/// One frame, as it stands on the wire.
struct WireFrame {
  enum Kind: UInt8 {
    case data, headers, priority, reset, settings, push, ping, goAway, windowUpdate, continuation
  }

  static let endStream: UInt8 = 0x1
  static let endHeaders: UInt8 = 0x4
  static let padded: UInt8 = 0x8
  static let hasPriority: UInt8 = 0x20
  /// What a client sends first.
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  /// Nil for a kind that RFC 9113 does not know.
  let kind: Kind?
  let flags: UInt8
  let stream: UInt32
  let payload: [UInt8]

  var ends: Bool { flags & WireFrame.endStream != 0 }

  /// The frame that begins at `position`; nil when it has not come whole.
  init?(_ bytes: [UInt8], at position: inout Int) {
    guard bytes.count - position >= 9 else { return nil }
    let length = bytes[position..<position + 3].reduce(0) { $0 << 8 | Int($1) }
    guard bytes.count - position - 9 >= length else { return nil }
    kind = Kind(rawValue: bytes[position + 3])
    flags = bytes[position + 4]
    stream = WireFrame.number(bytes[(position + 5)...])
    payload = Array(bytes[(position + 9)..<(position + 9 + length)])
    position += 9 + length
  }

  /// The bytes of a frame.
  static func bytes(
    _ kind: Kind, _ stream: UInt32, flags: UInt8 = 0, _ payload: [UInt8] = []
  ) -> [UInt8] {
    let count = payload.count
    return [UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)]
      + [kind.rawValue, flags] + WireFrame.bytes(of: stream) + payload
  }

  static func bytes(of number: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(number >> $0 & 255) }
  }

  /// The 31 bits that `bytes` begins with.
  static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
  }

  /// What DATA or HEADERS holds besides padding and a priority; nil when the lengths are wrong.
  var content: ArraySlice<UInt8>? {
    var rest = payload[...]
    if flags & WireFrame.padded != 0 {
      guard let padding = rest.popFirst(), Int(padding) <= rest.count else { return nil }
      rest = rest.dropLast(Int(padding))
    }
    if kind == .headers && flags & WireFrame.hasPriority != 0 {
      guard rest.count >= 5 else { return nil }
      rest = rest.dropFirst(5)
    }
    return rest
  }
}

/// Fields of heads that follow each other on one side of a connection.
final class FieldUnpacker {
  private var inflater: OpaquePointer?

  init() { precondition(nghttp2_hd_inflate_new(&inflater) == 0, "nghttp2: no memory") }

  deinit { nghttp2_hd_inflate_del(inflater) }

  /// The fields of a whole block; nil when it is broken.
  func unpack(_ block: [UInt8]) -> [(name: String, value: String)]? {
    var fields: [(name: String, value: String)] = []
    var offset = 0
    while true {
      var field = nghttp2_nv()
      var flags: Int32 = 0
      let count = block[offset...].withUnsafeBufferPointer {
        nghttp2_hd_inflate_hd2(inflater, &field, &flags, $0.baseAddress, $0.count, 1)
      }
      guard count >= 0 else { return nil }
      offset += count
      if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
        let name = UnsafeBufferPointer(start: field.name, count: field.namelen)
        let value = UnsafeBufferPointer(start: field.value, count: field.valuelen)
        fields.append(
          (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
      }
      if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 {
        nghttp2_hd_inflate_end_headers(inflater)
        return fields
      }
      if count == 0 && offset == block.count { return nil }
    }
  }
}

/// What one side has said on one stream.
struct WalkedStream {
  /// The sections of fields: a request's head, or interim heads and the final one, and trailers.
  var sections: [[(name: String, value: String)]] = []
  var content: [UInt8] = []
  var hasEnded = false
  /// The code by which its sender has reset it.
  var reset: UInt32?
  /// Frames came where none may: before a head, or behind an end or a reset.
  var isDisorderly = false

  func value(_ name: String, in section: Int) -> String? {
    sections[section].first { $0.name == name }?.value
  }
}

/// All that one side has said on a connection, as far as it can be understood.
struct FrameWalk {
  private(set) var streams: [UInt32: WalkedStream] = [:]
  /// Streams with at least the beginning of a head, each numbered above those before it.
  private(set) var begun: [UInt32] = []
  /// What the last GOAWAY says.
  private(set) var goAway: (last: UInt32, code: UInt32)?
  /// What came is no sequence of frames, up to a last one that is cut.
  private(set) var isMalformed = false

  private let unpacker = FieldUnpacker()
  private var open: (stream: UInt32, ends: Bool, block: [UInt8])?

  /// Walks through `bytes`, behind the preface.
  init(_ bytes: [UInt8], from start: Int = 0) {
    var position = start
    while !isMalformed, let frame = WireFrame(bytes, at: &position) { note(frame) }
    if !isMalformed && open == nil { noteCut(bytes[min(position, bytes.count)...]) }
  }

  /// Content counts before its frame has come whole.
  private mutating func noteCut(_ rest: ArraySlice<UInt8>) {
    guard rest.count > 9, rest[rest.startIndex + 3] == WireFrame.Kind.data.rawValue else { return }
    var length = rest.prefix(3).reduce(0) { $0 << 8 | Int($1) }
    let isPadded = rest[rest.startIndex + 4] & WireFrame.padded != 0
    var content = rest.dropFirst(9)
    if isPadded, let padding = content.popFirst() { length -= 1 + Int(padding) }
    guard length > 0 else { return }
    change(WireFrame.number(rest.dropFirst(5))) { $0.content += content.prefix(length) }
  }

  private mutating func note(_ frame: WireFrame) {
    guard frame.payload.count <= 16_384, (open == nil) == (frame.kind != .continuation) else {
      return isMalformed = true
    }
    switch frame.kind {
    case .headers:
      guard let block = frame.content, frame.stream > 0 else { return isMalformed = true }
      if frame.stream > begun.last ?? 0 { begun.append(frame.stream) }
      open = (frame.stream, frame.ends, [])
      noteBlock(frame, Array(block))
    case .continuation:
      guard frame.stream == open?.stream else { return isMalformed = true }
      noteBlock(frame, frame.payload)
    case .data:
      guard let content = frame.content else { return isMalformed = true }
      change(frame.stream) { stream in
        if stream.sections.isEmpty { stream.isDisorderly = true }
        stream.content += content
        stream.hasEnded = frame.ends
      }
    case .reset:
      guard frame.payload.count == 4 else { return isMalformed = true }
      let code = WireFrame.number(frame.payload[...])
      // A response that ends early may be followed by one.
      if streams[frame.stream]?.reset != nil { streams[frame.stream]?.isDisorderly = true }
      streams[frame.stream, default: WalkedStream()].reset = code
    case .goAway:
      guard frame.payload.count >= 8 else { return isMalformed = true }
      goAway = (WireFrame.number(frame.payload[...]), WireFrame.number(frame.payload[4...]))
    case .push: isMalformed = true
    case .settings, .priority, .ping, .windowUpdate, nil: break
    }
  }

  private mutating func noteBlock(_ frame: WireFrame, _ bytes: [UInt8]) {
    open?.block += bytes
    guard frame.flags & WireFrame.endHeaders != 0, let section = open else { return }
    open = nil
    guard let fields = unpacker.unpack(section.block) else { return isMalformed = true }
    change(section.stream) { stream in
      stream.sections.append(fields)
      stream.hasEnded = section.ends
    }
  }

  private mutating func change(_ number: UInt32, _ body: (inout WalkedStream) -> Void) {
    var stream = streams[number] ?? WalkedStream()
    if stream.hasEnded || stream.reset != nil {
      stream.isDisorderly = true
    } else {
      body(&stream)
    }
    streams[number] = stream
  }
}
