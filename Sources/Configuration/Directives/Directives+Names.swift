import Basics
import HTTP
import Policy

/// `resolver` and `resolver_timeout`.
extension DirectiveCatalog {
  static let nameLookups: [Directive] = [
    Directive(
      "resolver", in: [.top, .server, .location, .upstream],
      """
      ADDRESS[:PORT] ... [valid=TIME] [ipv4=on|off] [ipv6=on|off] | local=on [valid=TIME] \
      [ipv4=on|off] [ipv6=on|off]
      """, count: .atLeast(1),
      """
      The name servers (port 53 by default) that are asked for names while Waybill runs: those of \
      `server … resolve`, and those that variables of `proxy_pass` come to. Without it, and with \
      `local=on`, the system's configuration holds: `/etc/hosts`, and the servers and search \
      domains of `/etc/resolv.conf`, which is read again when it changes. An answer is used for \
      its TTL (at least 1s), or for `valid`. `ipv4=off` and `ipv6=off` leave out addresses of \
      that kind.
      """
    ) { $0.resolver($1) },
    Directive(
      "resolver_timeout", in: [.top, .server, .location, .upstream], "TIME", default: "30s",
      """
      How long a request waits for the address of a name; then it is answered with 502. Only \
      requests for a name of which no address is known wait.
      """
    ) { builder, use in
      guard let time = builder.time(use.arguments[0]) else { return }
      builder.changeNames { $0.timeout = time }
    },
  ]
}

extension ConfigurationBuilder {
  /// Changes what the open `upstream`, or else the open level, says of names.
  fileprivate func changeNames(_ change: (inout NameSettings) -> Void) {
    if upstream == nil {
      change(&settings.names)
    } else {
      change(&upstream!.names)
    }
  }

  fileprivate func resolver(_ use: DirectiveUse) {
    var setting = ResolverSetting()
    var isLocal = false
    for word in use.arguments {
      if word.text.lowercased() == "local=on" {
        isLocal = true
      } else if let known = resolverParameter(word, &setting) {
        guard known else { return }
      } else {
        guard let servers = nameServers(word) else { return }
        setting.servers += servers.filter { !setting.servers.contains($0) }
      }
    }
    guard setting.usesIPv4 || setting.usesIPv6 else {
      return reporter.error(
        use.name.place, "\"ipv4\" and \"ipv6\" can't both be off",
        expected: "ipv4=off, ipv6=off, or neither")
    }
    guard isLocal || !setting.servers.isEmpty else {
      return reporter.error(
        use.name.place, "no name server is named", expected: "an address, or local=on")
    }
    guard !isLocal || setting.servers.isEmpty else {
      return reporter.error(
        use.name.place, "\"local=on\" can't stand beside addresses of name servers",
        expected: "one of them")
    }
    changeNames { $0.resolver = setting }
  }

  /// Notes a parameter; nil when the word is none, false when it is refused.
  private func resolverParameter(_ word: Word, _ setting: inout ResolverSetting) -> Bool? {
    if let (text, place) = parameter("valid", word) {
      guard let time = time(text, at: place) else { return false }
      setting.validity = time
      return true
    }
    for name in ["ipv4", "ipv6", "local"] {
      guard let (text, place) = parameter(name, word) else { continue }
      let flags = ["on": true, "off": false]
      guard let flag = flags[text.lowercased()] else {
        reporter.error(place, "invalid value \"\(text)\"", expected: "on or off")
        return false
      }
      if name == "ipv4" { setting.usesIPv4 = flag }
      if name == "ipv6" { setting.usesIPv6 = flag }
      return true
    }
    // What nginx counts there `metrics` counts anyway.
    return parameter("status_zone", word) == nil ? nil : true
  }

  private func nameServers(_ word: Word) -> [PeerAddress]? {
    guard !word.text.contains("=") else {
      let name = String(word.text.prefix { $0 != "=" })
      reporter.error(
        word.place, "invalid parameter \"\(word.text)\"",
        expected: "an address, valid=, ipv4=, ipv6= or local=on",
        suggestion: Suggestion.nearest(to: name, among: ["valid", "ipv4", "ipv6", "local"]))
      return nil
    }
    guard let (host, port) = splitAuthority(word.text, at: word.place) else { return nil }
    guard host != "*" else {
      reporter.error(word.place, "\"*\" is not the address of a name server")
      return nil
    }
    return endpoints(host: host, port: port ?? 53, at: word.place)?.map(\.address)
  }
}
