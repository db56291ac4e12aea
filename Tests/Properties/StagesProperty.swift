import Basics
import ContentStages
import PlainStages

/// Content on its way through stages, in pieces of any size: what was packed can be unpacked, what
/// is replaced is what a search in the whole content replaces, and content that can't be read is an
/// error.
final class StagesProperty: Property {
  func check(_ input: Span<UInt8>) throws(Violation) {
    guard input.count > 3 else { return }
    let script = StagesScript(input)
    switch script.kind {
    case .gzip:
      let packed = try script.run { script.appendGzip(to: $0) }
      try expect(unpack(packed) == script.content, "what gzip packs can be unpacked")
    case .brotli:
      let packed = try script.run { script.appendBrotli(to: $0) }
      try expect(
        PlainUnpacking.brotli(packed, atMost: script.content.count) == script.content,
        "what brotli packs can be unpacked")
    case .gunzip:
      // Two members, one behind the other.
      let half = script.content.count / 2
      let members = [Array(script.content[..<half]), Array(script.content[half...])]
      var packed: [UInt8] = []
      for member in members {
        packed += try script.run(member) { script.appendGzip(to: $0) }
      }
      let found = try script.run(packed) { StagesScript.appendGunzip(to: $0) }
      try expect(found == script.content, "all members are unpacked")
    case .broken: try checkBroken(script)
    case .substitution:
      let found = try script.run { script.appendSubstitution(to: $0) }
      try expect(found == script.substituted, "texts are replaced wherever they stand")
    case .chain:
      let packed = try script.run { script.appendGzip(to: $0) }
      let found = try script.run(packed) { pipeline in
        StagesScript.appendGunzip(to: pipeline)
        script.appendSubstitution(to: pipeline)
        script.appendGzip(to: pipeline)
      }
      try expect(unpack(found) == script.substituted, "stages pass on what the last one gave")
    }
  }

  private func unpack(_ packed: [UInt8]) -> [UInt8]? {
    guard let result = PlainUnpacking.gzip(packed), result.isWhole else { return nil }
    return result.content
  }

  /// Bytes that may or may not be gzip: what comes of them is what zlib makes of them at once.
  private func checkBroken(_ script: StagesScript) throws(Violation) {
    var packed = script.content
    if script.isChanged {
      packed = try script.run(script.content) { script.appendGzip(to: $0) }
      let place = Int(script.seed) * 7 % packed.count
      packed[place] ^= 1 << (script.seed & 7)
      if script.seed & 8 != 0 { packed.removeLast(min(packed.count - 1, Int(script.seed) % 9)) }
    }
    var found: [UInt8]?
    do throws(ContentStageError) {
      found = try script.pass(packed) { StagesScript.appendGunzip(to: $0) }
    } catch {
      try expect(!"\(error.reason)".isEmpty, "an error has a reason")
    }
    // Members behind the first one are not unpacked here.
    guard let plain = PlainUnpacking.gzip(packed) else { return }
    if plain.isWhole {
      try expect(found == plain.content, "what is whole is unpacked")
    } else if !packed.isEmpty {
      try expect(found == nil, "what is cut is an error")
    }
  }
}

/// What passes through which stages, as an input says it: three bytes of choices, then content, or
/// texts and content with a byte 0xFE between them.
private struct StagesScript {
  enum Kind: CaseIterable { case gzip, brotli, gunzip, broken, substitution, chain }

  let kind: Kind
  let seed: UInt8
  let content: [UInt8]
  /// The content is packed, and then changed.
  let isChanged: Bool
  private let level: Int
  private let windowBits: Int32
  private let knowsLength: Bool
  private let flushes: Bool
  private let replacesOnce: Bool
  private let roomBytes: Int
  private var pairs: [(pattern: [UInt8], replacement: [UInt8])] = []

  init(_ input: Span<UInt8>) {
    let (choices, more) = (input[0], input[1])
    kind = Kind.allCases[Int(choices & 7) % Kind.allCases.count]
    knowsLength = choices & 8 != 0
    flushes = choices & 16 != 0
    replacesOnce = choices & 32 != 0
    isChanged = choices & 64 != 0
    level = Int(more & 15)
    windowBits = Int32(9 + (more >> 4) % 7)
    seed = input[2]
    // A flush needs some room.
    roomBytes = [GzipCompressor.flushRoom, 9, 100, 16_384][Int(seed >> 6)]
    let bytes = (3..<input.count).map { input[$0] }
    guard kind == .substitution || kind == .chain else {
      let times = isChanged || kind == .broken ? 1 : [1, 1, 3, 400][Int(choices >> 6)]
      content = Array(repeating: bytes, count: times).flatMap { $0 }
      return
    }
    var texts = bytes.split(separator: 0xFE, omittingEmptySubsequences: false).map { Array($0) }
    content = texts.removeLast()
    while texts.count > 1 && pairs.count < 6 {
      pairs.append((texts[0], texts[1]))
      texts.removeFirst(2)
    }
    if pairs.allSatisfy({ $0.pattern.isEmpty }) { pairs = [([97], [98, 98])] }
  }

  /// What a search in the whole content replaces.
  var substituted: [UInt8] {
    PlainSubstitution(pairs, replacesOnce: replacesOnce).result(content)
  }

  // MARK: Stages

  func appendGzip(to pipeline: ContentPipeline) {
    let length = knowsLength ? UInt64(content.count) : nil
    let window = CompressionWindow(length: length, largestBits: windowBits)
    guard let compressor = GzipCompressor(level: 1 + level % 9, window: window) else { return }
    pipeline.append(compressor)
  }

  func appendBrotli(to pipeline: ContentPipeline) {
    let length = knowsLength ? UInt64(content.count) : nil
    let compressor = BrotliCompressor(
      level: level % 8, windowBits: 10 + Int(windowBits) % 10, length: length)
    if let compressor { pipeline.append(compressor) }
  }

  static func appendGunzip(to pipeline: ContentPipeline) {
    if let decompressor = GzipDecompressor() { pipeline.append(decompressor) }
  }

  func appendSubstitution(to pipeline: ContentPipeline) {
    let substitution = Substitution(replacesOnce: replacesOnce)
    for pair in pairs {
      pair.pattern.withUnsafeBytes { pattern in
        pair.replacement.withUnsafeBytes { substitution.add(pattern, $0) }
      }
    }
    pipeline.append(substitution)
  }

  // MARK: Passing

  /// What comes of the script's content, which the stages can read.
  func run(_ make: (ContentPipeline) -> Void) throws(Violation) -> [UInt8] {
    try run(content, make)
  }

  func run(
    _ bytes: [UInt8], _ make: (ContentPipeline) -> Void
  ) throws(Violation) -> [UInt8] {
    do throws(ContentStageError) {
      return try pass(bytes, make)
    } catch {
      throw Violation(rule: "stages can read what is all right")
    }
  }

  /// What comes of bytes that are offered and taken in pieces.
  func pass(
    _ bytes: [UInt8], _ make: (ContentPipeline) -> Void
  ) throws(ContentStageError) -> [UInt8] {
    let pipeline = ContentPipeline(linkBytes: 16, fillsPerRun: 3)
    make(pipeline)
    var pieces = Pieces([seed, UInt8(bytes.count & 255)].span)
    var result: [UInt8] = []
    var start = 0
    repeat {
      let end = min(bytes.count, start + pieces.nextSize())
      let follows = pieces.happens(onceIn: 3) && flushes ? ContentEnd.flush : .more
      let isLast = end == bytes.count
      try offer(Array(bytes[start..<end]), isLast ? .last : follows, pipeline, &result)
      start = end
    } while start < bytes.count
    return result
  }

  private func offer(
    _ piece: [UInt8], _ end: ContentEnd, _ pipeline: ContentPipeline, _ result: inout [UInt8]
  ) throws(ContentStageError) {
    // Memory of exactly its size.
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: roomBytes, alignment: 1)
    defer {
      memory.deallocate()
      room.deallocate()
    }
    memory.copyBytes(from: piece)
    pipeline.offer(UnsafeRawBufferPointer(memory), end)
    while true {
      var rest = room
      let state = try pipeline.run(into: &rest)
      result += room[..<(room.count - rest.count)]
      switch state {
      case .needsRoom: precondition(rest.count < GzipCompressor.flushRoom, "there was room")
      case .paused: continue
      case .needsInput, .ended: return
      }
    }
  }
}
