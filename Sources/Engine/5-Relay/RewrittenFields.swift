// Fields of a backend's response that reach the client with another value: `proxy_redirect`,
// `proxy_cookie_*`, `charset`.

import Basics
import HTTP
import Plan
import Platform
import Policy
import RegularExpressions
import Telemetry

/// What a text has to have in common with a value.
enum RuleMatch: BitwiseCopyable {
  /// The value begins with it; what follows stays.
  case prefix
  /// It is all of the value, whatever the letters' case.
  case domain
}

extension Worker where K: ~Copyable {
  /// Writes a field with what the location makes of its value; false when it stays as it is, and
  /// then nothing was written.
  @inline(never) mutating func writesAnew(
    _ line: FieldLine, _ bytes: Span<UInt8>, _ exchange: ExchangePointer,
    into writer: inout ByteWriter
  ) -> Bool {
    // A head that is too large is refused as a whole.
    guard !writer.overflowed, !exchange.pointee.responseHead.isInterim else { return false }
    let name = bytes.extracting(line.name.offsets)
    let value = bytes.extracting(line.value.offsets)
    if let stages = exchange.pointee.stages,
      writesForStages(name, value, stages, into: &writer)
    {
      return true
    }
    switch name.count {
    case 7 where FieldNameMatch.equalIgnoringCase(name, "Refresh"):
      guard let start = urlStart(ofRefresh: value) else { return false }
      return writeRedirect(name, value, from: start, exchange, into: &writer)
    case 8 where FieldNameMatch.equalIgnoringCase(name, "Location"):
      return writeRedirect(name, value, from: 0, exchange, into: &writer)
    case 10 where FieldNameMatch.equalIgnoringCase(name, "Set-Cookie"):
      return writeCookie(name, value, exchange, into: &writer)
    case 12 where line.known == .contentType:
      return writeContentType(name, value, exchange, into: &writer)
    default: return false
    }
  }

  /// Writes what a rule makes of a part of a value; false when it does not match, and then nothing
  /// was written.
  mutating func writeReplaced(
    _ rule: ValueRule, _ subject: Span<UInt8>, _ how: RuleMatch, _ exchange: ExchangePointer,
    into writer: inout ByteWriter
  ) -> Bool {
    if rule.expression >= 0 {
      guard matches(rule.expression, subject, exchange) else { return false }
      write(rule.replacement, exchange, into: &writer)
      return true
    }
    let start = writer.count
    write(rule.pattern, exchange, into: &writer)
    let count = writer.count - start
    var isMatch = !writer.overflowed && count <= subject.count
    if isMatch {
      let pattern = writer.span.extracting(start..<writer.count)
      isMatch =
        how == .prefix
        ? EntityTagList.isEqual(pattern, subject.extracting(0..<count))
        : FieldNameMatch.equalIgnoringCase(pattern, subject)
    }
    writer.rewind(to: start)
    guard isMatch else { return false }
    write(rule.replacement, exchange, into: &writer)
    if how == .prefix { writer.append(subject.extracting(count..<subject.count)) }
    return true
  }

  /// True when an expression matches; its groups are kept, and so is what was kept of the response.
  mutating func matches(
    _ expression: Int, _ subject: Span<UInt8>, _ exchange: ExchangePointer
  ) -> Bool {
    switch match(expression, subject, exchange) {
    case .matched: break
    case .none: return false
    case .exhausted:
      reportExhausted(tables.expressions.address(of: expression), exchange)
      return false
    }
    if !tables.capturedFields.isEmpty, let peer = exchange.pointee.upstream {
      captureUpstreamFields(exchange, peer.pointee.inputBytes.span)
    }
    return true
  }

  // MARK: proxy_redirect

  /// Where the URL begins in `5; url=http://…`.
  private func urlStart(ofRefresh value: Span<UInt8>) -> Int? {
    var index = 0
    while index + 4 <= value.count {
      if FieldNameMatch.equalIgnoringCase(value.extracting(index..<index + 4), "url=") {
        return index + 4
      }
      index += 1
    }
    return nil
  }

  private mutating func writeRedirect(
    _ name: Span<UInt8>, _ value: Span<UInt8>, from offset: Int, _ exchange: ExchangePointer,
    into writer: inout ByteWriter
  ) -> Bool {
    let rules = exchange.pointee.plan.pointee.responseRules.redirects
    let url = value.extracting(offset..<value.count)
    let start = writer.count
    writer.append(name)
    writer.append(": ")
    writer.append(value.extracting(0..<offset))
    let urlStart = writer.count
    guard !writer.overflowed else { return false }
    for index in rules.indices
    where writeReplaced(rules[index], url, .prefix, exchange, into: &writer) {
      let isPath = writer.count > urlStart && writer.written[urlStart] == UInt8(ascii: "/")
      if isPath && offset == 0 && exchange.pointee.plan.pointee.redirect.isAbsolute {
        writer.rewind(to: urlStart)
        writeOrigin(exchange, into: &writer)
        _ = writeReplaced(rules[index], url, .prefix, exchange, into: &writer)
      }
      writer.append("\r\n")
      return true
    }
    writer.rewind(to: start)
    return false
  }

  // MARK: charset

  private mutating func writeContentType(
    _ name: Span<UInt8>, _ value: Span<UInt8>, _ exchange: ExchangePointer,
    into writer: inout ByteWriter
  ) -> Bool {
    let status = exchange.pointee.responseHead.status
    // Of what a client is sent away from, nobody reads the content.
    guard status != 301, status != 302 else { return false }
    guard !namesCharset(value) else { return false }
    let plan = exchange.pointee.plan.pointee.responseRules.charset
    let wanted = wantedCharset(exchange)
    if wanted == nil && (plan.name.isEmpty || !plan.includes(value)) { return false }
    if let wanted, !isKnown(wanted, plan, exchange) { return false }
    writer.append(name)
    writer.append(": ")
    writer.append(value)
    writer.append("; charset=")
    if let wanted, let peer = exchange.pointee.upstream {
      writer.append(peer.pointee.inputBytes.span, wanted)
    } else {
      writer.append(plan.name.span)
    }
    writer.append("\r\n")
    return true
  }

  /// Where the value of `X-Accel-Charset` lies; nil when there is none, or it is not obeyed.
  private mutating func wantedCharset(_ exchange: ExchangePointer) -> ByteRange? {
    guard !exchange.pointee.plan.pointee.responseRules.ignored.contains(.charset),
      let peer = exchange.pointee.upstream
    else { return nil }
    let bytes = peer.pointee.inputBytes.span
    for index in 0..<exchange.pointee.responseHead.fields.count {
      let line = exchange.pointee.responseHead.fields[index]
      guard line.nameCount == 15,
        FieldNameMatch.equalIgnoringCase(bytes.extracting(line.name.offsets), "X-Accel-Charset")
      else { continue }
      return line.value
    }
    return nil
  }

  /// True for a charset that some `charset` of the configuration names.
  private mutating func isKnown(
    _ range: ByteRange, _ plan: CharsetPlan, _ exchange: ExchangePointer
  ) -> Bool {
    guard let peer = exchange.pointee.upstream else { return false }
    let wanted = peer.pointee.inputBytes.span.extracting(range.offsets)
    for index in plan.known.indices
    where FieldNameMatch.equalIgnoringCase(plan.known[index].span, wanted) {
      return true
    }
    report(.error, "upstream", exchange, peer.pointee.connection) { line in
      line.append("the backend's X-Accel-Charset is not obeyed: no charset has that name")
    }
    return false
  }

  /// Appends `; charset=` to the media type of an answer of Waybill's own.
  mutating func appendCharset(
    _ type: Span<UInt8>, _ exchange: ExchangePointer, status: UInt16,
    into writer: inout ByteWriter
  ) {
    let plan = exchange.pointee.plan.pointee.responseRules.charset
    guard !plan.name.isEmpty, status != 301, status != 302 else { return }
    guard !namesCharset(type), plan.includes(type) else { return }
    writer.append("; charset=")
    writer.append(plan.name.span)
  }
}

/// True for a Content-Type that names a charset.
private func namesCharset(_ value: Span<UInt8>) -> Bool {
  var index = 0
  while index < value.count {
    guard value[index] == UInt8(ascii: ";") else {
      index += 1
      continue
    }
    var start = index + 1
    while start < value.count && value[start] == UInt8(ascii: " ") { start += 1 }
    if start + 8 <= value.count,
      FieldNameMatch.equalIgnoringCase(value.extracting(start..<start + 8), "charset=")
    {
      return true
    }
    index = start
  }
  return false
}

extension CharsetPlan {
  /// True for one of `charset_types`.
  fileprivate func includes(_ type: Span<UInt8>) -> Bool {
    if includesAllTypes { return true }
    for index in types.indices where FieldNameMatch.equalIgnoringCase(types[index].span, type) {
      return true
    }
    return false
  }
}
