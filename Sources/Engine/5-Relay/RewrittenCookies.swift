// `proxy_cookie_domain`, `proxy_cookie_path` and `proxy_cookie_flags`: what becomes of a backend's
// Set-Cookie.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// What `proxy_cookie_flags` does to a cookie.
private struct CookieFlags: OptionSet, BitwiseCopyable {
  let rawValue: UInt8
  static let secure = CookieFlags(rawValue: 1)
  static let noSecure = CookieFlags(rawValue: 2)
  static let httpOnly = CookieFlags(rawValue: 4)
  static let noHTTPOnly = CookieFlags(rawValue: 8)
  static let strict = CookieFlags(rawValue: 16)
  static let lax = CookieFlags(rawValue: 32)
  static let none = CookieFlags(rawValue: 64)
  static let noSameSite = CookieFlags(rawValue: 128)
  static let sameSite: CookieFlags = [.strict, .lax, .none]

  /// The words, in the order of the bits.
  static func word(_ text: Span<UInt8>) -> CookieFlags {
    if FieldNameMatch.equalIgnoringCase(text, "secure") { return .secure }
    if FieldNameMatch.equalIgnoringCase(text, "nosecure") { return .noSecure }
    if FieldNameMatch.equalIgnoringCase(text, "httponly") { return .httpOnly }
    if FieldNameMatch.equalIgnoringCase(text, "nohttponly") { return .noHTTPOnly }
    if FieldNameMatch.equalIgnoringCase(text, "samesite=strict") { return .strict }
    if FieldNameMatch.equalIgnoringCase(text, "samesite=lax") { return .lax }
    if FieldNameMatch.equalIgnoringCase(text, "samesite=none") { return .none }
    if FieldNameMatch.equalIgnoringCase(text, "nosamesite") { return .noSameSite }
    return []
  }
}

/// A part of a cookie between semicolons.
private struct CookiePart {
  var name: Range<Int>
  /// Nil without `=`.
  var value: Range<Int>?

  /// The part that begins at `start`, and where the next one begins.
  static func read(_ cookie: Span<UInt8>, from start: Int) -> (part: CookiePart, next: Int) {
    var end = start
    while end < cookie.count && cookie[end] != UInt8(ascii: ";") { end += 1 }
    var begin = start
    while begin < end && cookie[begin] == UInt8(ascii: " ") { begin += 1 }
    var mark = begin
    while mark < end && cookie[mark] != UInt8(ascii: "=") { mark += 1 }
    guard mark < end else {
      return (CookiePart(name: begin..<lastUnblank(cookie, begin, end), value: nil), end + 1)
    }
    var valueStart = mark + 1
    while valueStart < end && cookie[valueStart] == UInt8(ascii: " ") { valueStart += 1 }
    let value = valueStart..<lastUnblank(cookie, valueStart, end)
    return (CookiePart(name: begin..<lastUnblank(cookie, begin, mark), value: value), end + 1)
  }

  /// Where blanks begin behind which nothing else stands.
  private static func lastUnblank(_ cookie: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
    var last = end
    while last > start && cookie[last - 1] == UInt8(ascii: " ") { last -= 1 }
    return last
  }
}

extension Worker where K: ~Copyable {
  /// Writes a Set-Cookie with what the location makes of it; false when it stays as it is, and then
  /// nothing was written.
  mutating func writeCookie(
    _ name: Span<UInt8>, _ cookie: Span<UInt8>, _ exchange: ExchangePointer,
    into writer: inout ByteWriter
  ) -> Bool {
    let rules = exchange.pointee.plan.pointee.responseRules
    let first = CookiePart.read(cookie, from: 0)
    guard let value = first.part.value else { return false }
    let start = writer.count
    let flags = cookieFlags(cookie.extracting(first.part.name), rules, exchange, into: &writer)
    var isChanged = flags != nil
    var left = flags ?? []
    writer.append(name)
    writer.append(": ")
    writer.append(cookie.extracting(first.part.name))
    writer.append("=")
    writer.append(cookie.extracting(value))
    var next = first.next
    while next <= cookie.count {
      let (part, following) = CookiePart.read(cookie, from: next)
      next = following
      if writeAttribute(part, of: cookie, rules, &left, exchange, into: &writer) {
        isChanged = true
      }
    }
    guard isChanged, !writer.overflowed else {
      if !isChanged { writer.rewind(to: start) }
      return isChanged
    }
    if left.contains(.secure) { writer.append("; Secure") }
    if left.contains(.httpOnly) { writer.append("; HttpOnly") }
    if let value = left.sameSiteText { writer.append("; SameSite=", value) }
    writer.append("\r\n")
    return true
  }

  /// Writes an attribute behind a semicolon, or leaves it out. True when a rule has changed it;
  /// what it settles is taken from `flags`.
  private mutating func writeAttribute(
    _ part: CookiePart, of cookie: Span<UInt8>, _ rules: ResponseRulePlan,
    _ flags: inout CookieFlags, _ exchange: ExchangePointer, into writer: inout ByteWriter
  ) -> Bool {
    let name = cookie.extracting(part.name)
    if FieldNameMatch.equalIgnoringCase(name, "secure") {
      flags.remove(.secure)
      if flags.contains(.noSecure) { return true }
    } else if FieldNameMatch.equalIgnoringCase(name, "httponly") {
      flags.remove(.httpOnly)
      if flags.contains(.noHTTPOnly) { return true }
    } else if FieldNameMatch.equalIgnoringCase(name, "samesite") {
      if flags.contains(.noSameSite) { return true }
      if let text = flags.sameSiteText {
        flags.subtract(.sameSite)
        writer.append("; SameSite=", text)
        return true
      }
    }
    writer.append("; ")
    writer.append(name)
    guard let range = part.value else { return false }
    writer.append("=")
    let value = cookie.extracting(range)
    if FieldNameMatch.equalIgnoringCase(name, "domain") {
      if writeDomain(value, rules.cookieDomains, exchange, into: &writer) { return true }
    } else if FieldNameMatch.equalIgnoringCase(name, "path") {
      for index in rules.cookiePaths.indices
      where writeReplaced(rules.cookiePaths[index], value, .prefix, exchange, into: &writer) {
        return true
      }
    }
    writer.append(value)
    return false
  }

  /// A dot before a domain has no meaning, and stays.
  private mutating func writeDomain(
    _ value: Span<UInt8>, _ rules: FrozenArray<ValueRule>, _ exchange: ExchangePointer,
    into writer: inout ByteWriter
  ) -> Bool {
    let hasDot = !value.isEmpty && value[0] == UInt8(ascii: ".")
    let start = writer.count
    for index in rules.indices {
      let isText = rules[index].expression < 0
      if hasDot && isText { writer.append(UInt8(ascii: ".")) }
      let subject = value.extracting((hasDot && isText ? 1 : 0)..<value.count)
      if writeReplaced(rules[index], subject, .domain, exchange, into: &writer) { return true }
      writer.rewind(to: start)
    }
    return false
  }

  /// What the first `proxy_cookie_flags` says that is for a cookie; nil when none is.
  private mutating func cookieFlags(
    _ name: Span<UInt8>, _ rules: ResponseRulePlan, _ exchange: ExchangePointer,
    into writer: inout ByteWriter
  ) -> CookieFlags? {
    let start = writer.count
    for index in rules.cookieFlags.indices {
      let rule = rules.cookieFlags[index]
      if rule.expression >= 0 {
        guard matches(rule.expression, name, exchange) else { continue }
      } else {
        write(rule.name, exchange, into: &writer)
        let isSame = FieldNameMatch.equalIgnoringCase(
          writer.span.extracting(start..<writer.count), name)
        writer.rewind(to: start)
        guard isSame else { continue }
      }
      var flags: CookieFlags = []
      for place in rule.flags.indices {
        write(rule.flags[place], exchange, into: &writer)
        flags.formUnion(CookieFlags.word(writer.span.extracting(start..<writer.count)))
        writer.rewind(to: start)
      }
      // As in nginx, of two words that contradict each other the one that sets something holds.
      if flags.contains(.secure) { flags.remove(.noSecure) }
      if flags.contains(.httpOnly) { flags.remove(.noHTTPOnly) }
      if !flags.isDisjoint(with: .sameSite) { flags.remove(.noSameSite) }
      return flags
    }
    return nil
  }
}

extension CookieFlags {
  /// The value of SameSite that is asked for.
  fileprivate var sameSiteText: StaticString? {
    if contains(.strict) { return "Strict" }
    if contains(.lax) { return "Lax" }
    return contains(.none) ? "None" : nil
  }
}

extension ByteWriter {
  @inline(never)
  fileprivate mutating func append(_ first: StaticString, _ second: StaticString) {
    append(UnsafeBufferPointer(start: first.utf8Start, count: first.utf8CodeUnitCount).span)
    append(UnsafeBufferPointer(start: second.utf8Start, count: second.utf8CodeUnitCount).span)
  }
}
