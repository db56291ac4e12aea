// The values of variables that the conf file makes: computed when a text that asks for them is
// about to be written, and once for a request.

import Basics
import HTTP
import Plan
import Platform
import Policy
import RegularExpressions
import Telemetry

extension Worker where K: ~Copyable {
  /// Computes the variables that a template asks for and that have no value yet.
  @inline(never) mutating func computeVariables(
    of template: Template, _ exchange: ExchangePointer, depth: Int = 0
  ) {
    if depth == 0 { computingState(exchange).pointee.computations = 0 }
    for index in template.parts.indices where template.parts[index].variable == .own {
      computeVariable(Int(template.parts[index].slot), exchange, depth)
    }
  }

  private mutating func computeVariable(
    _ slot: Int, _ exchange: ExchangePointer, _ depth: Int
  ) {
    let variable = tables.variables.address(of: slot)
    let state = computingState(exchange)
    guard variable.pointee.isVolatile || value(slot, state) == .absent else { return }
    state.pointee.computations &+= 1
    guard depth < Limits.variableDepth, state.pointee.computations < Limits.variableComputations
    else {
      let isKnown = state.pointee.computations > Limits.variableComputations
      // Nothing more is computed for this text.
      state.pointee.computations = Limits.variableComputations &+ 1
      setValue(slot, .empty, state)
      guard !isKnown else { return }
      return report(.error, "variables", exchange, exchange.pointee.downstream) { line in
        line.append("the value of $")
        line.append(variable.pointee.name.span)
        line.append(" depends on itself")
      }
    }
    let index = variable.pointee.index
    switch variable.pointee.source {
    case .group: break
    case .assigned: noteUnset(variable, slot, exchange)
    case .map: computeMap(tables.maps.address(of: index), slot, exchange, depth + 1)
    case .addressMap:
      computeAddressMap(tables.addressMaps.address(of: index), slot, exchange, depth + 1)
    case .division: computeDivision(tables.divisions.address(of: index), slot, exchange, depth + 1)
    case .documentRoot:
      let root = exchange.pointee.plan.pointee.files.root
      setValue(slot, keep(root, exchange, depth: depth + Limits.variableDepth / 5), state)
    // The path takes room on the stack.
    case .requestFilename: computeFilename(slot, exchange, depth + Limits.variableDepth / 5)
    case .proxyPort: computeProxyPort(slot, exchange)
    case .requestBody: computeContent(slot, exchange)
    case .limitRate: setLiteral("0", slot, exchange)
    case .fact: computeFact(ComputedFact(rawValue: index), slot, exchange)
    }
  }

  /// A variable of `set` that was not executed: empty, as in nginx.
  private mutating func noteUnset(
    _ variable: UnsafePointer<VariablePlan>, _ slot: Int, _ exchange: ExchangePointer
  ) {
    setValue(slot, .empty, computingState(exchange))
    guard exchange.pointee.plan.pointee.warnsOfUnset else { return }
    report(.warn, "variables", exchange, exchange.pointee.downstream) { line in
      line.append("$")
      line.append(variable.pointee.name.span)
      line.append(" is used, but no set was executed for it: it is empty")
    }
  }

  private mutating func setLiteral(
    _ text: StaticString, _ slot: Int, _ exchange: ExchangePointer
  ) {
    let bytes = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    let range = keep(bytes.span, exchange)
    setValue(slot, range ?? .empty, computingState(exchange))
  }

  private mutating func setBytes(
    _ bytes: FrozenBytes, _ slot: Int, _ exchange: ExchangePointer
  ) {
    let range = keep(bytes.span, exchange)
    setValue(slot, range ?? .empty, computingState(exchange))
  }

  // MARK: Tables

  private mutating func computeMap(
    _ map: UnsafePointer<MapPlan>, _ slot: Int, _ exchange: ExchangePointer, _ depth: Int
  ) {
    var source = keep(map.pointee.source, exchange, depth: depth)
    if map.pointee.hostnames != nil, kept(source, exchange).last == UInt8(ascii: ".") {
      // The same host.
      source = ByteRange(start: Int(source.start), count: Int(source.count) - 1)
    }
    var found = findKey(map, source, exchange)
    if found < 0 && !source.isEmpty { found = matchKeys(map, source, exchange) }
    if found < 0 { found = map.pointee.fallback }
    let value =
      found < 0 ? .empty : keep(map.pointee.values[found], exchange, depth: depth)
    setValue(slot, value, computingState(exchange))
  }

  private mutating func findKey(
    _ map: UnsafePointer<MapPlan>, _ source: ByteRange, _ exchange: ExchangePointer
  ) -> Int {
    let bytes = kept(source, exchange)
    guard let hostnames = map.pointee.hostnames else {
      return map.pointee.keys.find(bytes.span)
    }
    let found = hostnames.find(bytes.span)
    guard found == ServerNameTable.undecided else { return found }
    var name = InlineBytes<256>()
    for index in 0..<min(bytes.count, 256) {
      let byte = bytes[index]
      name.append(byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte)
    }
    return hostnames.findTail(name.span)
  }

  private mutating func matchKeys(
    _ map: UnsafePointer<MapPlan>, _ source: ByteRange, _ exchange: ExchangePointer
  ) -> Int {
    let expressions = map.pointee.expressions
    for index in expressions.indices {
      if matchKept(expressions[index].expression, source, exchange) == .matched {
        return expressions[index].value
      }
    }
    return -1
  }

  private mutating func computeAddressMap(
    _ map: UnsafePointer<AddressMapPlan>, _ slot: Int, _ exchange: ExchangePointer, _ depth: Int
  ) {
    var address = exchange.pointee.record.client
    if !map.pointee.source.isEmpty {
      let source = keep(map.pointee.source, exchange, depth: depth)
      address = bareAddress(kept(source, exchange).span)
    }
    let field: StaticString = "x-forwarded-for"
    let name = UnsafeBufferPointer(start: field.utf8Start, count: field.utf8CodeUnitCount)
    address = RealIP.resolve(
      head: exchange.pointee.head, bytes: exchange.pointee.headBytes.span, field: name.span,
      recursive: map.pointee.isRecursive, peer: address, trust: map.pointee.proxies)
    if address.family == .unix {
      // What has no address is nginx's 255.255.255.255.
      address = PeerAddress(family: .ipv4, high: 0, low: 0xFFFF_FFFF, port: 0)
    }
    var found = map.pointee.table.find(address)
    if found < 0 { found = map.pointee.fallback }
    setBytes(found < 0 ? .empty : map.pointee.values[found], slot, exchange)
  }

  /// The address that a text is; that of no client for any other text, one with a port included.
  private func bareAddress(_ text: Span<UInt8>) -> PeerAddress {
    let isRange = text.index(of: UInt8(ascii: "/"), from: 0) < text.count
    guard !isRange, let network = Network(parsing: text) else { return .unix }
    return network.address
  }

  private mutating func computeDivision(
    _ division: UnsafePointer<DivisionPlan>, _ slot: Int, _ exchange: ExchangePointer,
    _ depth: Int
  ) {
    let key = keep(division.pointee.key, exchange, depth: depth)
    let hash = MurmurHash.hash(of: kept(key, exchange).span)
    let parts = division.pointee.parts
    for index in parts.indices where parts[index].limit.map({ hash < $0 }) ?? true {
      return setBytes(parts[index].value, slot, exchange)
    }
    setValue(slot, .empty, computingState(exchange))
  }

  // MARK: What depends on the location

  /// `$request_filename`: what `root` or `alias` makes of the path.
  private mutating func computeFilename(
    _ slot: Int, _ exchange: ExchangePointer, _ depth: Int
  ) {
    let root = exchange.pointee.plan.pointee.files.root
    if root.usesOwn { computeVariables(of: root, exchange, depth: depth) }
    let range = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Limits.filePathBytes) {
      memory in
      var writer = ByteWriter(memory)
      _ = writeFilePath(exchange, into: &writer)
      return writer.overflowed ? nil : keep(writer.written.span, exchange)
    }
    setValue(slot, range ?? .empty, computingState(exchange))
  }

  private mutating func computeProxyPort(_ slot: Int, _ exchange: ExchangePointer) {
    if let state = exchange.pointee.serving, state.pointee.pass.port != 0 {
      let port = state.pointee.pass.port
      var digits = InlineBytes<8>()
      var left = port
      var factor: UInt16 = 10_000
      while factor > 1 && left < factor { factor /= 10 }
      while factor > 0 {
        digits.append(UInt8(ascii: "0") + UInt8(left / factor))
        left %= factor
        factor /= 10
      }
      return setValue(slot, keep(digits.span, exchange) ?? .empty, state)
    }
    setBytes(exchange.pointee.plan.pointee.proxyPort, slot, exchange)
  }

  /// `$request_body`: the content, as far as it was read whole and lies in memory.
  private mutating func computeContent(_ slot: Int, _ exchange: ExchangePointer) {
    let state = computingState(exchange)
    let kept = exchange.pointee.kept
    if kept.isWhole, kept.fileCount == 0, kept.memoryCount > 0 {
      let bytes = UnsafeMutableBufferPointer(
        rebasing: kept.memory.bytes[..<Int(kept.memoryCount)])
      return setValue(slot, keep(bytes.span, exchange) ?? .empty, state)
    }
    let isRead = exchange.pointee.upstream != nil || exchange.pointee.record.tryCount > 0
    guard isRead, exchange.pointee.plan.pointee.buffersRequests,
      let content = contentBehindHead(exchange)
    else {
      return setValue(slot, .empty, state)
    }
    setValue(slot, keep(content.span, exchange) ?? .empty, state)
  }
}
