import ContentStages

extension ContentPipeline {
  /// What comes of content that is offered in pieces and taken in pieces of at most `room` bytes.
  func pass(_ pieces: [[UInt8]], room: Int, between end: ContentEnd) throws -> [UInt8] {
    var result: [UInt8] = []
    for (index, piece) in pieces.enumerated() {
      let isLast = index == pieces.count - 1
      let state = try offer(piece, isLast ? .last : end, room: room, into: &result)
      precondition((state == .ended) == isLast, "the stages ended early, or not at all")
    }
    return result
  }

  /// Offers one piece and takes all that comes of it.
  func offer(
    _ piece: [UInt8], _ end: ContentEnd, room: Int, into result: inout [UInt8]
  ) throws -> StageState {
    let input = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 1)
    defer {
      input.deallocate()
      output.deallocate()
    }
    input.copyBytes(from: piece)
    offer(UnsafeRawBufferPointer(input), end)
    while true {
      var rest = output
      let state = try run(into: &rest)
      result += output[..<(room - rest.count)]
      switch state {
      case .needsRoom: precondition(rest.count < GzipCompressor.flushRoom, "there was room")
      case .paused: continue
      case .needsInput, .ended: return state
      }
    }
  }
}

/// Numbers that a seed decides.
struct Numbers {
  var state: UInt64

  mutating func next(_ range: ClosedRange<Int>) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return range.lowerBound + Int((state >> 33) % UInt64(range.count))
  }

  mutating func text(_ alphabet: String, _ length: ClosedRange<Int>) -> String {
    let letters = Array(alphabet)
    return String((0..<next(length)).map { _ in letters[next(0...(letters.count - 1))] })
  }

  /// Bytes that can be packed to about a third.
  mutating func content(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(ascii: "a") + UInt8(next(0...5)) }
  }

  mutating func cut(_ bytes: [UInt8]) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + next(1...max(1, bytes.count / 3)))
      pieces.append(Array(bytes[start..<end]))
      start = end
    }
    return pieces.isEmpty ? [[]] : pieces
  }
}
