import Basics
import HTTP
import Plan
import Policy
import RegularExpressions
import Telemetry

/// `map`, `geo` and `split_clients`: variables whose values are chosen by tables.
extension DirectiveCatalog {
  static let variables: [Directive] = [
    Directive(
      "map", in: .top, "TEXT $NAME", count: 2...2, opensBlock: true, isRepeatable: true,
      """
      A variable whose value depends on a text with variables: lines of a key and a value. A key \
      is compared without regard to case; with `~` it is a regular expression, with `~*` one \
      without regard to case; these are tried in their order where no key is equal. A `\\` before \
      a key takes away its special meaning. `default` is for what no key matches (empty without \
      it), `hostnames` allows keys such as `*.example.com`, `volatile` has the value computed \
      anew each time it is asked for, not once for a request, and `include` reads lines from a \
      file. Values may hold variables, and what groups match. It is computed only when it is \
      asked for, and the number of keys does not matter.
      """
    ) { $0.map($1) },
    Directive(
      "geo", in: .top, "[$ADDRESS] $NAME", count: 1...2, opensBlock: true, isRepeatable: true,
      """
      A variable whose value depends on the client's address, or on the one that another variable \
      holds: lines of a range and a value, of which the narrowest counts. `default` is for all \
      others, `delete` removes a range, `ranges` (first) has lines begin with `FIRST-LAST`, \
      `proxy` and `proxy_recursive` take the address from X-Forwarded-For as `set_real_ip_from` \
      does, and `include` reads lines from a file.
      """
    ) { $0.geo($1) },
    Directive(
      "split_clients", in: .top, "TEXT $NAME", count: 2...2, opensBlock: true, isRepeatable: true,
      """
      A variable that divides requests by the hash of a text: lines of a share (`10%`, `0.5%`, \
      `*` for the rest) and a value. Equal texts have equal values, those of nginx.
      """
    ) { $0.splitClients($1) },
  ]
}

extension ConfigurationBuilder {
  // MARK: map

  fileprivate func map(_ use: DirectiveUse) {
    guard let block = use.block, let name = variableName(use.arguments[1]) else { return }
    let source = template(use.arguments[0])
    let slot = declareVariable(name, at: use.arguments[1].place)
    openMap = MapDeclaration(
      place: use.name.place, slot: slot ?? 0, source: source ?? Template(parts: .empty))
    // Only what is asked of all lines: the others wait for it.
    let flags = Set(block.directives.filter { $0.arguments.isEmpty }.map(\.name.text))
    openMap?.hasHostnames = flags.contains("hostnames")
    openMap?.isVolatile = flags.contains("volatile")
    _ = build(block, in: .map)
    if source != nil, slot != nil, let openMap { maps.append(openMap) }
    openMap = nil
  }

  /// A line of `map`.
  func mapLine(_ use: DirectiveUse) {
    let word = use.name
    if use.arguments.isEmpty, ["hostnames", "volatile"].contains(word.text) { return }
    guard use.arguments.count == 1, use.block == nil else {
      return reporter.error(word.place, "a line of \"map\" is a key and a value")
    }
    guard let value = mapValue(use.arguments[0]) else { return }
    if word.text == "default" {
      if openMap?.fallback != nil { reporter.error(word.place, "\"default\" is already set") }
      openMap?.fallback = value
      return
    }
    if word.text.hasPrefix("~") { return mapExpression(word, value) }
    let key = word.text.hasPrefix("\\") ? String(word.text.dropFirst()) : word.text
    guard openMap?.seen.insert(key.lowercased()).inserted == true else {
      return reporter.error(word.place, "the key \"\(key)\" is already there")
    }
    openMap?.keys.append((key, value))
  }

  private func mapExpression(_ word: Word, _ value: Int) {
    let ignoresCase = word.text.hasPrefix("~*")
    let start = ignoresCase ? 2 : 1
    let pattern = String(word.text.dropFirst(start))
    guard !pattern.isEmpty else {
      return reporter.error(word.place, "the regular expression behind \"~\" is missing")
    }
    if let found = expression(pattern, ignoresCase: ignoresCase, in: word, from: start) {
      openMap?.expressions.append((found, value))
    }
  }

  /// The index of a value among those of the open map.
  private func mapValue(_ word: Word) -> Int? {
    if let known = openMap?.valueIndices[word.text] { return known }
    guard let value = template(word), let index = openMap?.values.count else { return nil }
    openMap?.values.append(value)
    openMap?.valueIndices[word.text] = index
    return index
  }

  // MARK: geo

  fileprivate func geo(_ use: DirectiveUse) {
    let nameWord = use.arguments[use.arguments.count - 1]
    guard let block = use.block, let name = variableName(nameWord) else { return }
    var source: Template? = Template(parts: .empty)
    if use.arguments.count == 2 {
      guard variableName(use.arguments[0]) != nil else { return }
      source = template(use.arguments[0])
    }
    guard let slot = declareVariable(name, at: nameWord.place), let source else { return }
    openAddressMap = AddressMapDeclaration(place: use.name.place, slot: slot, source: source)
    _ = build(block, in: .geo)
    if let openAddressMap { addressMaps.append(openAddressMap) }
    openAddressMap = nil
  }

  /// A line of `geo`.
  func addressLine(_ use: DirectiveUse) {
    let word = use.name
    if use.arguments.isEmpty { return addressFlag(word) }
    guard use.arguments.count == 1, use.block == nil else {
      return reporter.error(word.place, "a line of \"geo\" is a range and a value")
    }
    let argument = use.arguments[0]
    switch word.text {
    case "default":
      let value = addressValue(argument)
      openAddressMap?.fallback = value
    case "proxy":
      guard let network = network(argument) else { return }
      openAddressMap?.proxies.networks.append(network)
    case "delete":
      guard let usesRanges = openAddressMap?.usesRanges else { return }
      if usesRanges { return deleteRange(argument) }
      guard let network = network(argument) else { return }
      if openAddressMap?.networks.removeValue(forKey: network) == nil {
        reporter.warning(argument.place, "there is no range \"\(argument.text)\" to delete")
      }
    default: addRange(word, argument)
    }
  }

  private func addressFlag(_ word: Word) {
    switch word.text {
    case "ranges":
      guard openAddressMap?.order.isEmpty == true, openAddressMap?.ranges.isEmpty == true else {
        return reporter.error(word.place, "\"ranges\" must stand before all ranges")
      }
      openAddressMap?.usesRanges = true
    case "proxy_recursive": openAddressMap?.isRecursive = true
    default: reporter.error(word.place, "a line of \"geo\" is a range and a value")
    }
  }

  private func addRange(_ word: Word, _ argument: Word) {
    let value = addressValue(argument)
    if openAddressMap?.usesRanges == true {
      guard let range = range(word) else { return }
      openAddressMap?.ranges.append((range.first, range.last, value))
      return
    }
    guard let network = network(word) else { return }
    if openAddressMap?.networks.updateValue(value, forKey: network) != nil {
      reporter.warning(word.place, "the range \"\(word.text)\" is already there: this line counts")
    } else {
      openAddressMap?.order.append(network)
    }
  }

  private func deleteRange(_ word: Word) {
    guard let range = range(word) else { return }
    openAddressMap?.ranges.append((range.first, range.last, -1))
  }

  private func addressValue(_ word: Word) -> Int32 {
    if let known = openAddressMap?.valueIndices[word.text] { return known }
    let index = Int32(openAddressMap?.values.count ?? 0)
    openAddressMap?.values.append(word.text)
    openAddressMap?.valueIndices[word.text] = index
    return index
  }

  private func network(_ word: Word) -> Network? {
    let bytes = Array(word.text.utf8)
    if let network = Network(parsing: bytes.span) { return network }
    reporter.error(
      word.place, "invalid range \"\(word.text)\"", expected: "a range such as 10.0.0.0/8")
    return nil
  }

  /// `FIRST-LAST`, IPv4 only as in nginx; one address alone is a range as well.
  private func range(_ word: Word) -> (first: UInt32, last: UInt32)? {
    let ends = word.text.split(separator: "-", omittingEmptySubsequences: false).map { text in
      let bytes = Array(text.utf8)
      let address = PeerAddress(parsing: bytes.span)
      return address?.family == .ipv4 && address?.port == 0 ? address?.low : nil
    }
    if ends.count == 2, let first = ends[0], let last = ends[1], first <= last {
      return (UInt32(truncatingIfNeeded: first), UInt32(truncatingIfNeeded: last))
    }
    reporter.error(
      word.place, "invalid range \"\(word.text)\"",
      expected: "a range such as 10.0.0.0-10.0.0.255")
    return nil
  }

  // MARK: split_clients

  fileprivate func splitClients(_ use: DirectiveUse) {
    guard let block = use.block, let name = variableName(use.arguments[1]),
      let key = template(use.arguments[0]),
      let slot = declareVariable(name, at: use.arguments[1].place)
    else { return }
    openDivision = DivisionDeclaration(place: use.name.place, slot: slot, key: key)
    _ = build(block, in: .division)
    if let openDivision { divisions.append(openDivision) }
    let total = openDivision?.parts.compactMap(\.share).reduce(0, +) ?? 0
    openDivision = nil
    if total > 10_000 {
      reporter.error(use.name.place, "the shares are more than 100 % together")
    }
  }

  /// A line of `split_clients`.
  func divisionLine(_ use: DirectiveUse) {
    guard use.arguments.count == 1, use.block == nil else {
      return reporter.error(use.name.place, "a line of \"split_clients\" is a share and a value")
    }
    let value = use.arguments[0].text
    if use.name.text == "*" {
      openDivision?.parts.append((nil, value))
      return
    }
    guard let share = share(use.name) else { return }
    openDivision?.parts.append((share, value))
  }

  /// Hundredths of a percent.
  private func share(_ word: Word) -> UInt64? {
    let parts = word.text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
    let digits = parts.count == 2 ? String(parts[1]) : ""
    let isShare =
      word.text.hasSuffix("%") && (1...2).contains(parts.count) && digits.utf8.count <= 2
      && (parts.count == 1 || !digits.isEmpty) && parts[0].utf8.count <= 3
      && parts.allSatisfy { part in
        !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
      }
    let padded = digits + String(repeating: "0", count: 2 - min(2, digits.count))
    if isShare, let whole = UInt64(parts[0]), let hundredths = UInt64(padded),
      whole * 100 + hundredths > 0
    {
      return whole * 100 + hundredths
    }
    reporter.error(
      word.place, "invalid share \"\(word.text)\"", expected: "a share such as 10%, 0.5% or *")
    return nil
  }
}
