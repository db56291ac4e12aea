import Basics

/// How the body of an error that Waybill answers itself is written.
public enum ErrorBodyFormat: UInt8, Sendable, BitwiseCopyable {
  /// `application/json`
  case json
  /// `text/html`
  case html
  /// `text/plain`
  case text
}

/// Choosing a representation by Accept (RFC 9110 section 12.5.1).
public enum ContentNegotiation {
  /// The format that the value of an Accept field prefers: the highest weight, then the most exact
  /// media range, then the first. Plain text when nothing is said or nothing else fits.
  public static func preferred(accept: Span<UInt8>) -> ErrorBodyFormat {
    var best = ErrorBodyFormat.text
    var bestRank = 0
    var list = ListElements(accept, ByteRange(start: 0, count: accept.count))
    while let element = list.next() {
      let item = accept.extracting(element.offsets)
      let typeEnd = firstIndex(of: ASCII.semicolon, in: item, from: 0)
      let type = ByteRange(trimming: item, from: 0, to: typeEnd)
      let weight = weight(item, from: typeEnd)
      guard weight > 0, let match = match(item.extracting(type.offsets)) else { continue }
      let rank = weight &* 4 &+ match.exactness
      if rank > bestRank {
        best = match.format
        bestRank = rank
      }
    }
    return best
  }

  /// What an Accept field says of a media type of a kind (`text/plain`, `text/*`): the weight, in
  /// thousandths, by the most exact range that covers it, and whether that names the very type.
  /// Zero when nothing covers it.
  public static func acceptance(
    of type: StaticString, kind: StaticString, in accept: Span<UInt8>
  ) -> (weight: Int, isNamed: Bool) {
    var best = (weight: 0, exactness: 0)
    var list = ListElements(accept, ByteRange(start: 0, count: accept.count))
    while let element = list.next() {
      let item = accept.extracting(element.offsets)
      let typeEnd = firstIndex(of: ASCII.semicolon, in: item, from: 0)
      let range = item.extracting(ByteRange(trimming: item, from: 0, to: typeEnd).offsets)
      let exactness = exactness(of: range, type: type, kind: kind)
      let weight = weight(item, from: typeEnd)
      guard exactness > 0, exactness >= best.exactness else { continue }
      if exactness > best.exactness || weight > best.weight { best = (weight, exactness) }
    }
    return (best.weight, best.exactness == 3)
  }

  /// 3 when a media range is the type, 2 when it covers its kind, 1 when it covers all, else 0.
  private static func exactness(
    of range: Span<UInt8>, type: StaticString, kind: StaticString
  ) -> Int {
    if FieldNameMatch.equalIgnoringCase(range, type) { return 3 }
    if FieldNameMatch.equalIgnoringCase(range, kind) { return 2 }
    return FieldNameMatch.equalIgnoringCase(range, "*/*") ? 1 : 0
  }

  /// The format that a media range names, and how exactly: 0 for any, 1 for a type, 2 for all.
  private static func match(_ range: Span<UInt8>) -> (format: ErrorBodyFormat, exactness: Int)? {
    if FieldNameMatch.equalIgnoringCase(range, "*/*") { return (.text, 0) }
    if FieldNameMatch.equalIgnoringCase(range, "text/html") { return (.html, 2) }
    if FieldNameMatch.equalIgnoringCase(range, "application/json") { return (.json, 2) }
    if FieldNameMatch.equalIgnoringCase(range, "text/plain") { return (.text, 2) }
    if FieldNameMatch.equalIgnoringCase(range, "application/xhtml+xml") { return (.html, 2) }
    if FieldNameMatch.equalIgnoringCase(range, "application/*") { return (.json, 1) }
    if FieldNameMatch.equalIgnoringCase(range, "text/*") { return (.text, 1) }
    let isJSON =
      range.count > 5 && FieldNameMatch.equalIgnoringCase(range.extracting(last: 5), "+json")
    return isJSON ? (.json, 2) : nil
  }

  /// The weight among the parameters from `start` on, in thousandths; 1000 when there is none (RFC
  /// 9110 section 12.4.2).
  private static func weight(_ item: Span<UInt8>, from start: Int) -> Int {
    var position = start
    while position < item.count {
      let end = firstIndex(of: ASCII.semicolon, in: item, from: position &+ 1)
      let parameter = ByteRange(trimming: item, from: position &+ 1, to: end)
      let bytes = item.extracting(parameter.offsets)
      if bytes.count > 2 && FieldNameMatch.equalIgnoringCase(bytes.extracting(first: 2), "q=") {
        return thousandths(bytes.extracting(2..<bytes.count))
      }
      position = end
    }
    return 1_000
  }

  /// `0` or `1` with up to three decimals, in thousandths; 1000 for anything else.
  private static func thousandths(_ text: Span<UInt8>) -> Int {
    var result = 0
    var factor = 1_000
    for index in text.indices where !(index == 1 && text[index] == ASCII.dot) {
      guard ASCII.isDigit(text[index]), factor > 0 else { return 1_000 }
      result &+= Int(text[index] &- ASCII.zero) &* factor
      factor /= 10
    }
    return min(result, 1_000)
  }

  private static func firstIndex(of byte: UInt8, in text: Span<UInt8>, from start: Int) -> Int {
    var index = start
    while index < text.count && text[index] != byte { index &+= 1 }
    return index
  }
}
