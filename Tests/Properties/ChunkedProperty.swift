import Basics
import HTTP

/// The chunked transfer coding: the same for every cut, the same as a plain second decoder finds,
/// and what is encoded again is decoded again.
final class ChunkedProperty: Property {
  private let maximumLineBytes = 40
  private let maximumTrailerBytes = 120
  private var trailers = FieldSection()
  private let source = Scratch()
  private let whole = Scratch()
  private let pieced = Scratch()
  private let encoded = Scratch()

  func check(_ input: Span<UInt8>) throws(Violation) {
    var pieces = Pieces(input)
    let plain = PlainChunks(input, maximumLineBytes: maximumLineBytes)
    let atOnce = try decode(input, into: whole) { $0 }
    let cut = try decode(input, into: pieced) { min($0, pieces.nextSize()) }
    try expect(atOnce == cut, "a cut changes the outcome")
    try expect(atOnce.end == .refused || isEqual(whole.written.span, pieced.written.span), "cut")
    try compare(atOnce, plain, input)
    if atOnce.end == .trailers { try checkTrailers(input, from: atOnce.consumed, &pieces) }
    try checkEncoded(&pieces)
  }

  /// What a decoder made of all it was given.
  private struct Outcome: Equatable {
    enum End { case more, trailers, complete, refused }
    var end = End.more
    var consumed = 0
  }

  /// Gives a decoder the input in pieces whose sizes `size` says, of what is left.
  private func decode(
    _ input: Span<UInt8>, into content: Scratch, _ size: (Int) -> Int
  ) throws(Violation) -> Outcome {
    var decoder = ChunkedDecoder()
    var outcome = Outcome()
    var end = 0
    content.clear()
    source.clear()
    source.writer.append(input)
    while end < input.count {
      end += size(input.count - end)
      // Behind the last chunk, bytes are collected until there are two.
      if outcome.end == .trailers && end - outcome.consumed < 2 && end < input.count { continue }
      let bytes = source.mutable(from: outcome.consumed, to: end)
      var span = bytes.mutableSpan
      guard let step = try? decoder.decode(&span, maximumLineBytes: maximumLineBytes) else {
        return Outcome(end: .refused)
      }
      try note(step, of: bytes, in: &outcome, content)
      if outcome.end == .complete { break }
      if outcome.end == .trailers && end - outcome.consumed >= 2 { break }
    }
    return outcome
  }

  private func note(
    _ step: ChunkedDecoder.Step, of bytes: UnsafeMutableBufferPointer<UInt8>,
    in outcome: inout Outcome, _ content: Scratch
  ) throws(Violation) {
    try expect(step.consumed <= bytes.count, "no more is taken than has come")
    try expect(step.produced <= step.consumed, "no more content comes out than went in")
    try expect(step.end != .more || step.consumed == bytes.count, "no byte is left over")
    content.writer.append(UnsafeBufferPointer(rebasing: bytes[..<step.produced]).span)
    outcome.consumed += step.consumed
    switch step.end {
    case .more: outcome.end = .more
    case .trailers: outcome.end = .trailers
    case .complete: outcome.end = .complete
    }
  }

  private func compare(
    _ outcome: Outcome, _ plain: PlainChunks, _ input: Span<UInt8>
  ) throws(Violation) {
    switch plain.end {
    case .refused: try expect(outcome.end == .refused, "what is malformed is refused")
    case .more: try expect(outcome.end == .more, "what has no end goes on")
    case .last:
      let isEmpty =
        plain.consumed + 2 <= input.count && input[plain.consumed] == 0x0D
        && input[plain.consumed + 1] == 0x0A
      try expect(outcome.end == (isEmpty ? .complete : .trailers), "the last chunk is found")
      try expect(
        outcome.consumed == plain.consumed + (isEmpty ? 2 : 0), "no more is taken than belongs")
    }
    guard plain.end != .refused else { return }
    let content = whole.written.span
    try expect(content.count == plain.contentCount, "content is conserved")
    try expect(PlainChunks.hash(content) == plain.contentHash, "content is unchanged")
  }

  /// A part of the trailer section that can be judged gives the judgement on all of it.
  private func checkTrailers(
    _ input: Span<UInt8>, from start: Int, _ pieces: inout Pieces
  ) throws(Violation) {
    let bytes = input.extracting(start..<input.count)
    let outcome = parseTrailers(bytes)
    if let count = outcome.count {
      try expect(count <= bytes.count, "no more is taken than has come")
      try checkLineEnds(bytes, from: 0, byteCount: count)
      try checkFields(trailers, bytes, byteCount: count)
    }
    let places = pieces.places(in: bytes.count)
    for index in places.indices {
      let cut = parseTrailers(bytes.extracting(0..<places[index]))
      try expect(!cut.isJudged || cut == outcome, "a cut changes the trailer section")
    }
  }

  private struct TrailerOutcome: Equatable {
    var count: Int?
    var error: HTTP1Error.Kind?
    var isJudged: Bool { count != nil || error != nil }
  }

  private func parseTrailers(_ bytes: Span<UInt8>) -> TrailerOutcome {
    do throws(HTTP1Error) {
      let count = try trailers.parseTrailers(bytes, maximumBytes: maximumTrailerBytes)
      return TrailerOutcome(count: count)
    } catch {
      return TrailerOutcome(error: error.kind)
    }
  }

  /// The content, encoded as the engine does it, is decoded to itself.
  private func checkEncoded(_ pieces: inout Pieces) throws(Violation) {
    let content = whole.written.span
    encoded.clear()
    var position = 0
    while position < content.count {
      let size = min(pieces.nextSize(), content.count - position)
      encoded.writer.append(hexadecimal: UInt64(size))
      encoded.writer.append("\r\n")
      encoded.writer.append(content.extracting(position..<(position + size)))
      encoded.writer.append("\r\n")
      position += size
    }
    encoded.writer.append("0\r\n\r\n")
    let outcome = try decode(encoded.written.span, into: pieced) { min($0, pieces.nextSize()) }
    try expect(outcome.end == .complete, "what was encoded is decoded")
    try expect(outcome.consumed == encoded.written.count, "all of what was encoded is decoded")
    try expect(isEqual(whole.written.span, pieced.written.span), "encoding conserves content")
  }
}
