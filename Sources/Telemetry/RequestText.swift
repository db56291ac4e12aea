import Basics
import HTTP

/// The parts of the request that logs and templates quote, cut out of the bytes that came.
///
/// Ranges are clamped: a head whose buffer is gone reads as absent, it does not end the process.
extension ExchangeBytes {
  /// The part of the head that `range` names; empty when it is not there.
  @inline(__always) @_lifetime(copy self)
  func head(_ range: ByteRange) -> Span<UInt8> {
    head.part(range)
  }

  /// The value of the first field line of a known name; empty when there is none.
  @_lifetime(copy self)
  func firstValue(of name: FieldName, in request: borrowing RequestHead) -> Span<
    UInt8
  > {
    guard let index = request.fields.firstIndex(of: name) else { return head(.empty) }
    return head(request.fields[index].value)
  }

  /// The target as it came, of the absolute form only what follows the authority (RFC 9112 section
  /// 3.2.2): nothing when there is neither path nor query.
  @_lifetime(copy self)
  func pathAndQuery(_ request: borrowing RequestHead) -> Span<UInt8> {
    guard request.targetForm == .absolute else { return head(request.target) }
    let start = request.authority.offsets.upperBound
    return head(ByteRange(start: start, count: request.target.offsets.upperBound - start))
  }

  /// The request line without its line end. One that could not be read is quoted as far as it came.
  @_lifetime(copy self)
  func requestLine(
    _ request: borrowing RequestHead, isRead: Bool
  ) -> Span<UInt8> {
    guard isRead else { return firstLine }
    // Behind the target stand a space and a version of eight bytes.
    let start = Int(request.methodRange.start)
    let end = request.target.offsets.upperBound + 9
    return head(ByteRange(start: start, count: end - start))
  }

  /// The first line that is not empty, up to its line end or the last byte that came.
  private var firstLine: Span<UInt8> {
    @_lifetime(copy self) get {
      var start = 0
      while start < head.count && head[start].isLineEnd { start += 1 }
      var end = start
      while end < head.count && !head[end].isLineEnd { end += 1 }
      return head.extracting(start..<end)
    }
  }
}

extension HTTPVersion {
  /// As it stands in a request line.
  var name: StaticString {
    switch self {
    case .http10: "HTTP/1.0"
    case .http11: "HTTP/1.1"
    case .http2: "HTTP/2.0"
    }
  }
}

extension Span where Element == UInt8 {
  /// The bytes that `range` names; none when it reaches beyond the end.
  @inline(__always) @_lifetime(copy self)
  func part(_ range: ByteRange) -> Span<UInt8> {
    let offsets = range.offsets
    return extracting(offsets.upperBound <= count ? offsets : 0..<0)
  }
}

extension UInt8 {
  /// True for CR and LF.
  @inline(__always) var isLineEnd: Bool { self == 0x0d || self == 0x0a }
}
