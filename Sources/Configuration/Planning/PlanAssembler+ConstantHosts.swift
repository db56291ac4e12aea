import Basics
import HTTP
import Plan
import Policy
import Telemetry

/// Hosts that the variables of a `proxy_pass` can only come to because some `set` says so: they are
/// looked up at the start, as those that stand in a `proxy_pass` are.
extension PlanAssembler {
  /// Looks up what can be known; a host that has no address yet is only warned of.
  func resolveConstantHosts() {
    var seen: Set<String> = []
    for (url, pass) in computedPasses {
      for text in constantBegins(of: url) {
        let bytes = Array(text.utf8)
        guard let parsed = PassURL(parsing: bytes.span), !parsed.isUnix else { continue }
        let host = String(decoding: bytes[parsed.host.offsets], as: UTF8.self).lowercased()
        let key = "\(host):\(parsed.effectivePort)"
        guard seen.insert(key).inserted, isName(host) else { continue }
        if parsed.port == nil, declaredUpstreams[host] != nil {
          continue
        }
        resolve(host, parsed.effectivePort, key, pass)
      }
    }
  }

  private func resolve(
    _ host: String, _ port: UInt16, _ key: String, _ pass: PassDeclaration
  ) {
    guard implicitUpstreams[key] == nil else { return }
    var endpoints: [Endpoint] = []
    for address in builder.addresses(ofOptional: host) {
      var address = address
      address.port = port
      guard !endpoints.contains(where: { $0.address == address }) else { continue }
      endpoints.append(builder.endpoint(at: address))
    }
    guard !endpoints.isEmpty else {
      return warn(
        pass.place,
        "the host \"\(host)\", which proxy_pass can come to, can't be resolved: 502",
        expected: "a name that has an address at the start, or an upstream")
    }
    let isDefault = port == (pass.isSecure ? 443 : 80)
    _ = implicitUpstream(key, endpoints, name: isDefault ? host : key)
  }

  private func isName(_ host: String) -> Bool {
    let bytes = Array(host.utf8)
    return !host.hasPrefix("[") && PeerAddress(parsing: bytes.span) == nil
  }

  /// The texts that a URL can begin with, up to its authority at least; none when they depend on a
  /// request.
  private func constantBegins(of url: Template) -> [String] {
    var begins = [""]
    for index in url.parts.indices {
      let part = url.parts[index]
      if begins.allSatisfy({ hasAuthority($0) }) { return begins }
      guard let texts = constants(part), begins.count * texts.count <= 64 else { return [] }
      begins = begins.flatMap { begin in texts.map { begin + $0 } }
    }
    return begins
  }

  private func constants(_ part: TemplatePart) -> [String]? {
    switch part.variable {
    case .literal:
      return [String(decoding: part.text.indices.map { part.text[$0] }, as: UTF8.self)]
    case .scheme: return ["http", "https"]
    case .own:
      guard let texts = builder.assignedTexts[Int(part.slot)] else { return nil }
      let known = texts.compactMap { $0 }
      return known.count == texts.count ? Array(Set(known)).sorted() : nil
    default: return nil
    }
  }

  /// True when nothing behind it can belong to the host any more.
  private func hasAuthority(_ begin: String) -> Bool {
    guard let range = begin.range(ofSubstring: "://") else { return false }
    return begin[range...].contains { $0 == "/" || $0 == "?" }
  }
}

extension String {
  /// Where the text behind the first occurrence of `part` begins.
  fileprivate func range(ofSubstring part: String) -> String.Index? {
    var index = startIndex
    while index < endIndex {
      if self[index...].hasPrefix(part) { return self.index(index, offsetBy: part.count) }
      index = self.index(after: index)
    }
    return nil
  }
}
