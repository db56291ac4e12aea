// A head is parsed at once and in pieces, with the same outcome.

import Basics
import HTTP

/// What a parser made of some bytes.
enum ParseOutcome: Equatable {
  case complete, incomplete
  case refused(HTTP1Error.Kind)
}

/// A head that is parsed from bytes which become more.
protocol ParsedHead: ~Copyable {
  var byteCount: Int { get }
  mutating func reset()
  mutating func parse(_ bytes: Span<UInt8>, limits: HeadLimits) throws(HTTP1Error) -> Bool
}

extension RequestHead: ParsedHead {}
extension ResponseHead: ParsedHead {}

/// Parses `input` with an empty line behind it, which `ended` then holds: at once into `whole`, in
/// pieces into `other`.
func parseEveryWay<Head: ParsedHead & ~Copyable>(
  _ input: Span<UInt8>, _ whole: inout Head, _ other: inout Head, _ ended: Scratch
) throws(Violation) -> ParseOutcome {
  var pieces = Pieces(input)
  let limits = headLimits(&pieces)
  let raw = parse(&whole, input, limits)
  // A line without an end may be refused as soon as all of it has come at once; so the cuts are
  // compared on an input that ends its line.
  ended.clear()
  ended.writer.append(input)
  ended.writer.append("\r\n\r\n")
  let bytes = ended.written.span
  let outcome = parse(&whole, bytes, limits)
  try expect(raw != .complete || outcome == .complete, "more bytes do not change a whole head")
  try expect(
    outcome == parseInPieces(&other, bytes, limits, &pieces), "a cut changes the outcome")
  try expect(
    outcome != .complete || whole.byteCount <= bytes.count, "no more is taken than has come")
  return outcome
}

/// The bounds that a head is parsed within: mostly wide ones, sometimes such that an input of usual
/// size meets them.
private func headLimits(_ pieces: inout Pieces) -> HeadLimits {
  pieces.happens(onceIn: 4)
    ? HeadLimits(maximumLineBytes: 40, maximumHeadBytes: 120, maximumFieldCount: 3)
    : HeadLimits(maximumLineBytes: 8_192, maximumHeadBytes: 32_768, maximumFieldCount: 100)
}

/// Parses all that has come.
func parse<Head: ParsedHead & ~Copyable>(
  _ head: inout Head, _ bytes: Span<UInt8>, _ limits: HeadLimits
) -> ParseOutcome {
  head.reset()
  do throws(HTTP1Error) {
    return try head.parse(bytes, limits: limits) ? .complete : .incomplete
  } catch {
    return .refused(error.kind)
  }
}

private func parseInPieces<Head: ParsedHead & ~Copyable>(
  _ head: inout Head, _ bytes: Span<UInt8>, _ limits: HeadLimits, _ pieces: inout Pieces
) -> ParseOutcome {
  head.reset()
  var end = 0
  do throws(HTTP1Error) {
    while end < bytes.count {
      end = min(bytes.count, end + pieces.nextSize())
      if try head.parse(bytes.extracting(0..<end), limits: limits) { return .complete }
    }
    return .incomplete
  } catch {
    return .refused(error.kind)
  }
}
