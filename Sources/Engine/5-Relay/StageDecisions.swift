// Which stages a response's content passes through: nginx's conditions, held against the request
// and the response.

import Basics
import ContentStages
import HTTP
import Plan
import Platform
import Policy
import RegularExpressions
import Telemetry

/// What is known of a response before its content passes through stages.
struct ResponseFacts {
  var status: UInt16
  /// Bytes of its content, as far as they are known.
  var length: UInt64?
  /// The value of Content-Type; empty for none. It lies elsewhere.
  var type = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
  /// It has a content coding.
  var hasCoding = false
  /// That is gzip alone.
  var isGzip = false
  var hasLastModified = false
  var hasEntityTag = false
  var hasExpires = false
  /// Its Expires lies before its Date.
  var isExpired = false
  var hasCacheControl = false
  /// What Cache-Control says, by the words of `gzip_proxied`.
  var directives: GzipProxiedConditions = []
  /// Cache-Control: no-transform
  var forbidsChange = false
}

extension Worker where K: ~Copyable {
  /// Chooses the stages for a backend's response whose head has come, and says how the client is to
  /// find the end of what comes of them.
  @inline(never) mutating func chooseStages(
    _ exchange: ExchangePointer, _ framing: ContentFraming
  ) {
    precondition(exchange.pointee.response == .none, "chooseStages: the response has begun")
    guard let peer = exchange.pointee.upstream else {
      preconditionFailure("chooseStages: no backend is attached")
    }
    let isAsked = exchange.pointee.head.method != .head
    let isAllowed = allowsContent(exchange.pointee.responseHead.status)
    // A page for an error that has no content, in a response that has some.
    if framing == .none && isAsked && isAllowed { return releaseStages(exchange) }
    let facts = responseFacts(exchange, peer)
    chooseStages(exchange, facts, carriesContent: framing != .none && isAllowed)
    guard let stages = exchange.pointee.stages, !stages.pointee.isDrained else { return }
    exchange.pointee.clientFraming = clientFraming(exchange, .untilClose)
  }

  /// Chooses the stages for an answer of Waybill's own.
  @inline(never) mutating func chooseOwnStages(
    _ exchange: ExchangePointer, _ facts: ResponseFacts
  ) {
    precondition(exchange.pointee.upstream == nil, "chooseOwnStages: a backend is attached")
    let hasContent = allowsContent(facts.status)
    let isAsked = exchange.pointee.head.method != .head
    chooseStages(exchange, facts, carriesContent: hasContent && isAsked)
  }

  /// Says how the client is to find the end of an answer of Waybill's own whose content passes
  /// through stages. False when it does not.
  @discardableResult mutating func applyStages(_ exchange: ExchangePointer) -> Bool {
    guard let stages = exchange.pointee.stages, !stages.pointee.isDrained else { return false }
    exchange.pointee.clientFraming = clientFraming(exchange, .untilClose)
    if exchange.pointee.clientFraming == .untilClose { exchange.pointee.requireClosure(.orderly) }
    return true
  }

  private mutating func chooseStages(
    _ exchange: ExchangePointer, _ facts: ResponseFacts, carriesContent: Bool
  ) {
    // Another response may have been about to be sent.
    releaseStages(exchange)
    // Nobody reads the content of an answer to a subrequest.
    guard !facts.forbidsChange, !exchange.pointee.client.pointee.isSubrequest else { return }
    var decision = StageDecision()
    decision.length = facts.length
    decideUnpacking(exchange, facts, &decision)
    let hasCoding = facts.hasCoding && !decision.unpacks
    let substitution = hasCoding ? nil : substitution(exchange, facts)
    if substitution != nil {
      decision.substitutes = true
      decision.length = nil
      decision.dropsValidators =
        !exchange.pointee.plan.pointee.stages.substitution.keepsLastModified
    }
    if !hasCoding { decideCoding(exchange, facts, &decision) }
    decision.varies = decision.varies && exchange.pointee.plan.pointee.stages.sendsVary
    guard decision.changesContent || decision.varies else { return }
    makeStages(exchange, decision, substitution)
    exchange.pointee.stages?.pointee.isDrained = !carriesContent || !decision.changesContent
  }

  // MARK: gunzip, gzip, brotli

  private mutating func decideUnpacking(
    _ exchange: ExchangePointer, _ facts: ResponseFacts, _ decision: inout StageDecision
  ) {
    // A range of what is packed can't be unpacked.
    guard exchange.pointee.plan.pointee.stages.unpacksGzip, facts.isGzip, facts.status != 206
    else { return }
    decision.varies = true
    if takesGzip(exchange, facts) { return }
    decision.unpacks = true
    decision.length = nil
  }

  private mutating func decideCoding(
    _ exchange: ExchangePointer, _ facts: ResponseFacts, _ decision: inout StageDecision
  ) {
    guard facts.status == 200 || facts.status == 403 || facts.status == 404 else { return }
    let plan = exchange.pointee.plan
    if packs(plan.pointee.stages.brotli, facts, decision) {
      decision.varies = true
      if accepts(exchange, "br") { decision.coding = .brotli }
    }
    if decision.coding == .none, packs(plan.pointee.stages.gzip, facts, decision) {
      decision.varies = true
      if takesGzip(exchange, facts) { decision.coding = .gzip }
    }
  }

  private func packs(
    _ plan: CompressionPlan, _ facts: ResponseFacts, _ decision: StageDecision
  ) -> Bool {
    guard plan.isOn else { return false }
    if let length = decision.length, length < plan.minimumLength { return false }
    return plan.types.contains(facts.type.span)
  }

  /// True when the client names a content coding.
  mutating func accepts(_ exchange: ExchangePointer, _ coding: StaticString) -> Bool {
    guard let index = exchange.pointee.head.fields.firstIndex(of: .acceptEncoding) else {
      return false
    }
    let value = exchange.pointee.head.fields[index].value
    return CodingAcceptance.accepts(
      exchange.pointee.headBytes.span.extracting(value.offsets), coding)
  }

  /// True when the client gets gzip of such a response, by nginx's conditions.
  mutating func takesGzip(_ exchange: ExchangePointer, _ facts: ResponseFacts) -> Bool {
    let rule = exchange.pointee.plan.pointee.stages.gzipClients
    guard accepts(exchange, "gzip"),
      rule.includesHTTP10 || exchange.pointee.head.version != .http10,
      !isExcluded(exchange, rule)
    else { return false }
    return exchange.pointee.head.fields.firstIndex(of: .via) == nil
      || isPackedForProxies(exchange, facts, rule.proxied)
  }

  /// `gzip_disable`
  private mutating func isExcluded(_ exchange: ExchangePointer, _ rule: GzipClientRule) -> Bool {
    guard rule.excludesOldExplorers || !rule.disabled.isEmpty,
      let index = exchange.pointee.head.fields.firstIndex(of: .userAgent)
    else { return false }
    let range = exchange.pointee.head.fields[index].value
    let value = exchange.pointee.headBytes.span.extracting(range.offsets)
    if rule.excludesOldExplorers && isOldExplorer(value) { return true }
    for index in rule.disabled.indices {
      switch match(rule.disabled[index], value, nil) {
      case .none: continue
      case .matched: return true
      case .exhausted:
        reportExhausted(tables.expressions.address(of: rule.disabled[index]), exchange)
        return true
      }
    }
    return false
  }

  /// `gzip_proxied`
  private mutating func isPackedForProxies(
    _ exchange: ExchangePointer, _ facts: ResponseFacts, _ conditions: GzipProxiedConditions
  ) -> Bool {
    if conditions.contains(.off) { return false }
    if conditions.contains(.any) { return true }
    let isAuthorized = exchange.pointee.head.fields.firstIndex(of: .authorization) != nil
    if isAuthorized && conditions.contains(.authorized) { return true }
    if let moment = expiryMoment(exchange) {
      let isPast = moment.expires < Int64(wall.microseconds / 1_000_000)
      return conditions.contains(.expired) && isPast
    }
    if facts.hasExpires { return conditions.contains(.expired) && facts.isExpired }
    if facts.hasCacheControl { return !conditions.isDisjoint(with: facts.directives) }
    return !(conditions.contains(.noLastModified) && facts.hasLastModified)
      && !(conditions.contains(.noEntityTag) && facts.hasEntityTag)
  }

  // MARK: sub_filter

  /// What is replaced in a response; nil when nothing is.
  private mutating func substitution(
    _ exchange: ExchangePointer, _ facts: ResponseFacts
  ) -> Substitution? {
    let plan = exchange.pointee.plan.pointee.stages.substitution
    guard !plan.pairs.isEmpty, facts.length != 0, facts.status != 206,
      plan.types.contains(facts.type.span)
    else { return nil }
    let substitution = Substitution(replacesOnce: plan.replacesOnce)
    noteTimeForTemplates(exchange)
    var memory = buffers.take(.large)
    for index in plan.pairs.indices {
      add(plan.pairs[index], to: substitution, exchange, memory.bytes)
    }
    buffers.giveBack(&memory)
    return substitution.isEmpty ? nil : substitution
  }

  private mutating func add(
    _ pair: SubstitutionPair, to substitution: Substitution, _ exchange: ExchangePointer,
    _ memory: UnsafeMutableBufferPointer<UInt8>
  ) {
    var writer = ByteWriter(memory)
    write(pair.pattern, exchange, into: &writer)
    let count = writer.count
    write(pair.replacement, exchange, into: &writer)
    guard !writer.overflowed else {
      return report(.error, "content", exchange, exchange.pointee.downstream) { line in
        line.append("a sub_filter is left out: its texts have more than ")
        line.append(decimal: UInt64(Limits.largeBufferBytes))
        line.append(" bytes")
      }
    }
    let bytes = UnsafeRawBufferPointer(writer.written)
    substitution.add(
      UnsafeRawBufferPointer(rebasing: bytes[..<count]),
      UnsafeRawBufferPointer(rebasing: bytes[count...]))
  }

  // MARK: Facts

  /// What is known of a backend's response.
  private mutating func responseFacts(
    _ exchange: ExchangePointer, _ peer: StreamPointer
  ) -> ResponseFacts {
    let bytes = peer.pointee.inputBytes.span
    var facts = ResponseFacts(
      status: exchange.pointee.responseHead.status,
      length: exchange.pointee.responseHead.contentLength)
    var expires: Int64?
    var date = Int64(wall.microseconds / 1_000_000)
    for index in 0..<exchange.pointee.responseHead.fields.count {
      let line = exchange.pointee.responseHead.fields[index]
      let value = bytes.extracting(line.value.offsets)
      switch line.known {
      case .contentType:
        facts.type = UnsafeBufferPointer(rebasing: peer.pointee.inputBytes[line.value.offsets])
      case .date: date = HTTPDate.seconds(value) ?? .min
      case .other:
        let name = bytes.extracting(line.name.offsets)
        if name.count == 7, FieldNameMatch.equalIgnoringCase(name, "Expires") {
          facts.hasExpires = true
          expires = HTTPDate.seconds(value)
        } else {
          facts.note(name, value)
        }
      default: break
      }
    }
    if let expires { facts.isExpired = expires < date }
    return facts
  }

  /// The facts of an answer of Waybill's own, whose type lies elsewhere.
  func ownFacts(
    _ status: UInt16, length: UInt64, type: UnsafeBufferPointer<UInt8>
  ) -> ResponseFacts {
    var facts = ResponseFacts(status: status, length: length)
    facts.type = type
    return facts
  }
}

extension ResponseFacts {
  /// Notes a field that decides.
  fileprivate mutating func note(_ name: Span<UInt8>, _ value: Span<UInt8>) {
    switch name.count {
    case 4: if FieldNameMatch.equalIgnoringCase(name, "ETag") { hasEntityTag = true }
    case 13:
      if FieldNameMatch.equalIgnoringCase(name, "Last-Modified") {
        hasLastModified = true
      } else if FieldNameMatch.equalIgnoringCase(name, "Cache-Control") {
        hasCacheControl = true
        noteDirectives(value)
      }
    case 16:
      guard FieldNameMatch.equalIgnoringCase(name, "Content-Encoding"), value.count > 0 else {
        return
      }
      // One on top of another can't be taken off alone.
      isGzip = !hasCoding && FieldNameMatch.equalIgnoringCase(value, "gzip")
      hasCoding = true
    default: break
    }
  }

  /// As in nginx, a directive may stand behind a semicolon, too, and has no value.
  private mutating func noteDirectives(_ value: Span<UInt8>) {
    var start = 0
    while start < value.count {
      var end = start
      while end < value.count, value[end] != UInt8(ascii: ","), value[end] != UInt8(ascii: ";") {
        end += 1
      }
      var first = start
      while first < end, value[first] == 0x20 || value[first] == 0x09 { first += 1 }
      var last = end
      while last > first, value[last - 1] == 0x20 || value[last - 1] == 0x09 { last -= 1 }
      if end == value.count || value[end] == UInt8(ascii: ",") {
        noteDirective(value.extracting(first..<last))
      }
      start = end + 1
    }
  }

  private mutating func noteDirective(_ word: Span<UInt8>) {
    switch word.count {
    case 7: if FieldNameMatch.equalIgnoringCase(word, "private") { directives.insert(.isPrivate) }
    case 8:
      if FieldNameMatch.equalIgnoringCase(word, "no-cache") { directives.insert(.noCache) }
      if FieldNameMatch.equalIgnoringCase(word, "no-store") { directives.insert(.noStore) }
    case 12: if FieldNameMatch.equalIgnoringCase(word, "no-transform") { forbidsChange = true }
    default: break
    }
  }
}

/// nginx's `msie6`: Internet Explorer 4 to 6, but for those with a service pack that mended it.
private func isOldExplorer(_ value: Span<UInt8>) -> Bool {
  guard let start = place(of: "MSIE ", in: value), start + 7 < value.count,
    value[start + 6] == UInt8(ascii: ".")
  else { return false }
  switch value[start + 5] {
  case UInt8(ascii: "4"), UInt8(ascii: "5"): return true
  case UInt8(ascii: "6"):
    let rest = value.extracting((start + 8)..<max(start + 8, value.count))
    return place(of: "SV1", in: rest) == nil
  default: return false
  }
}

private func place(of text: StaticString, in value: Span<UInt8>) -> Int? {
  let count = text.utf8CodeUnitCount
  guard value.count >= count else { return nil }
  for start in 0...(value.count - count) {
    var index = 0
    while index < count, value[start + index] == text.utf8Start[index] { index += 1 }
    if index == count { return start }
  }
  return nil
}

extension FrozenArray where Element == UInt8 {
  /// The bytes in place. Valid while the plan lives.
  var buffer: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: isEmpty ? nil : address(of: 0), count: count)
  }
}
