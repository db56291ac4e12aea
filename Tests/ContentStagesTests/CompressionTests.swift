import CZlib
import ContentStages
import Testing

/// gzip and brotli: whatever the pieces, what is packed can be unpacked.
struct CompressionTests {
  @Test func gzipThereAndBack() throws {
    var random = Numbers(state: 1)
    for round in 0..<120 {
      let content = random.content(random.next(0...(round % 10 == 0 ? 300_000 : 3000)))
      let window = CompressionWindow(length: round % 2 == 0 ? UInt64(content.count) : nil)
      let compressor = try #require(
        GzipCompressor(level: random.next(1...9), window: window))
      for _ in 0..<2 {
        let packed = try pack(compressor, random.cut(content), random.next(1...5000))
        #expect(try unpack([packed]) == content)
        #expect(try unpack(random.cut(packed), room: random.next(1...5000)) == content)
        #expect(compressor.takenCount == UInt64(content.count))
        #expect(compressor.givenCount == UInt64(packed.count))
        compressor.restart(level: random.next(1...9))
      }
    }
  }

  @Test func aFlushLetsEverythingOut() throws {
    let compressor = try #require(
      GzipCompressor(level: 1, window: CompressionWindow(length: nil)))
    let pipeline = ContentPipeline(linkBytes: 1024, fillsPerRun: 4)
    pipeline.append(compressor)
    let back = ContentPipeline(linkBytes: 1024, fillsPerRun: 4)
    back.append(try #require(GzipDecompressor()))
    for event in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
      var packed: [UInt8] = []
      let room = GzipCompressor.flushRoom + 1
      _ = try pipeline.offer(Array(event.utf8), .more, room: room, into: &packed)
      _ = try pipeline.offer([], .flush, room: room, into: &packed)
      var unpacked: [UInt8] = []
      _ = try back.offer(packed, .flush, room: room, into: &unpacked)
      #expect(unpacked == Array(event.utf8))
    }
  }

  @Test func brotliGivesEverything() throws {
    var random = Numbers(state: 2)
    for level in 0...11 {
      let content = random.content(random.next(0...20_000))
      let compressor = try #require(
        BrotliCompressor(level: level, windowBits: 19, length: UInt64(content.count)))
      let pipeline = ContentPipeline(linkBytes: 1024, fillsPerRun: 4)
      pipeline.append(compressor)
      let packed = try pipeline.pass(random.cut(content), room: 100, between: .flush)
      #expect(compressor.takenCount == UInt64(content.count))
      #expect(compressor.givenCount == UInt64(packed.count))
    }
  }

  @Test func stagesFollowEachOther() throws {
    var random = Numbers(state: 3)
    for _ in 0..<60 {
      let content = random.content(random.next(1...40_000))
      let first = try #require(GzipCompressor(level: 6, window: CompressionWindow(length: nil)))
      let packed = try pack(first, [content], 1000)
      let substitution = Substitution(replacesOnce: false)
      Array("ab".utf8).withUnsafeBytes { pattern in
        Array("ABAB".utf8).withUnsafeBytes { substitution.add(pattern, $0) }
      }
      let pipeline = ContentPipeline(
        linkBytes: random.next(1...2000), fillsPerRun: random.next(2...5))
      pipeline.append(try #require(GzipDecompressor()))
      pipeline.append(substitution)
      pipeline.append(
        try #require(GzipCompressor(level: 1, window: CompressionWindow(length: nil))))
      let result = try pipeline.pass(
        random.cut(packed), room: random.next(GzipCompressor.flushRoom...3000),
        between: random.next(0...1) == 0 ? .more : .flush)
      let expected = String(decoding: content, as: UTF8.self).replacing("ab", with: "ABAB")
      #expect(try unpack([result]) == Array(expected.utf8))
    }
  }

  @Test func whatIsCutOrBrokenIsRefused() throws {
    var random = Numbers(state: 4)
    let compressor = try #require(
      GzipCompressor(level: 1, window: CompressionWindow(length: nil)))
    let packed = try pack(compressor, [random.content(500)], 1000)
    for count in 1..<packed.count {
      #expect(throws: ContentStageError.self) { try unpack([Array(packed[..<count])]) }
    }
    #expect(throws: ContentStageError.self) { try unpack([Array("no gzip at all".utf8)]) }
    #expect(throws: ContentStageError.self) { try unpack([packed + [1, 2, 3]]) }
    // Two members, and none.
    #expect(try unpack([packed + packed]).count == 1000)
    #expect(try unpack([[]]) == [])
  }

  @Test func windowsAreAsLargeAsTheContent() {
    let sizes = [20, 250, 251, 4096, 16_121, 16_122, 1 << 30].map {
      CompressionWindow(length: UInt64($0))
    }
    #expect(sizes.map(\.bits) == [9, 10, 10, 13, 14, 15, 15].map { Int32($0) })
    #expect(CompressionWindow(length: nil) == CompressionWindow(length: 1 << 40))
  }

  private func pack(
    _ compressor: GzipCompressor, _ pieces: [[UInt8]], _ room: Int
  ) throws -> [UInt8] {
    let pipeline = ContentPipeline(linkBytes: 1024, fillsPerRun: 4)
    pipeline.append(compressor)
    return try pipeline.pass(pieces, room: room, between: .more)
  }

  private func unpack(_ pieces: [[UInt8]], room: Int = 4096) throws -> [UInt8] {
    let pipeline = ContentPipeline(linkBytes: 1024, fillsPerRun: 4)
    pipeline.append(try #require(GzipDecompressor()))
    return try pipeline.pass(pieces, room: room, between: .more)
  }
}
