import Basics
import HTTP
import Policy

/// `server` in `upstream`: an address and how it is used.
extension ConfigurationBuilder {
  /// Notes a server of the open upstream.
  func upstreamServer(_ use: DirectiveUse) {
    let word = use.arguments[0]
    let parameters = use.arguments.dropFirst()
    let resolves = parameters.contains { $0.text == "resolve" || $0.text.hasPrefix("service=") }
    if resolves, !word.text.hasPrefix("unix:") { return resolvedServer(use) }
    guard let endpoints = backendEndpoints(word) else { return }
    var peer = PeerDeclaration(place: word.place, endpoints: endpoints)
    for parameter in parameters where parameter.text != "resolve" {
      guard serverParameter(parameter, &peer) else { return }
    }
    for endpoint in endpoints {
      peer.endpoints = [endpoint]
      upstream?.add(peer)
    }
  }

  /// Notes a server whose name is looked up at run time.
  private func resolvedServer(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard !word.text.contains("://"), let (host, port) = splitAuthority(word.text, at: word.place),
      host != "*"
    else {
      _ = backendEndpoints(word)
      return
    }
    var peer = PeerDeclaration(place: word.place, endpoints: [])
    var service: (name: String, place: Place)?
    var resolves = false
    for parameter in use.arguments.dropFirst() {
      if parameter.text == "resolve" {
        resolves = true
      } else if let (name, place) = self.parameter("service", parameter) {
        service = (name, place)
      } else {
        guard serverParameter(parameter, &peer) else { return }
      }
    }
    // What is an address already needs no look-up.
    if isAddress(host), service == nil {
      guard let endpoints = backendEndpoints(word) else { return }
      peer.endpoints = endpoints
      upstream?.add(peer)
      return
    }
    guard let name = lookedUpName(host, port, service, resolves: resolves, word) else { return }
    upstream?.resolved.append(
      ResolvedServerDeclaration(
        name: name.lowercased(), isService: service != nil,
        port: service == nil ? port ?? 80 : 0, peer: peer))
  }

  private func isAddress(_ host: String) -> Bool {
    let bytes = Array(host.utf8)
    return PeerAddress(parsing: bytes.span) != nil
  }

  /// The name that is asked for; nil when something about it is wrong.
  private func lookedUpName(
    _ host: String, _ port: UInt16?, _ service: (name: String, place: Place)?, resolves: Bool,
    _ word: Word
  ) -> String? {
    guard let service else { return host }
    let isName =
      !service.name.isEmpty
      && service.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2F && $0 != 0x3A }
    guard isName else {
      reporter.error(
        service.place, "invalid service \"\(service.name)\"",
        expected: "a name such as http or _http._tcp")
      return nil
    }
    guard resolves else {
      reporter.error(service.place, "\"service\" needs \"resolve\"", expected: "resolve beside it")
      return nil
    }
    guard port == nil else {
      reporter.error(
        word.place, "a server with \"service\" has no port: SRV records name the ports",
        expected: host)
      return nil
    }
    guard !isAddress(host) else {
      reporter.error(word.place, "an address has no SRV records", expected: "a host name")
      return nil
    }
    let prefix = service.name.contains(".") ? service.name : "_\(service.name)._tcp"
    return "\(prefix).\(host)"
  }

  private func backendEndpoints(_ word: Word) -> [Endpoint]? {
    if word.text.hasPrefix("unix:") {
      return unixEndpoint(String(word.text.dropFirst(5)), at: word.place).map { [$0] }
    }
    guard !word.text.contains("://") else {
      reporter.error(
        word.place, "a server in an upstream is an address, not a URL",
        expected: "host:port or unix:/path")
      return nil
    }
    guard let (host, port) = splitAuthority(word.text, at: word.place) else { return nil }
    guard host != "*" else {
      reporter.error(word.place, "\"*\" is not the address of a backend")
      return nil
    }
    return endpoints(host: host, port: port ?? 80, at: word.place)
  }

  /// Notes one parameter; false when it is refused.
  private func serverParameter(_ word: Word, _ peer: inout PeerDeclaration) -> Bool {
    if word.text == "backup" {
      peer.backupPlace = word.place
    } else if word.text == "down" {
      peer.isDown = true
    } else if let (text, place) = parameter("weight", word) {
      guard let weight = number(text, at: place, 1...65_535) else { return false }
      peer.weight = weight
    } else if let (text, place) = parameter("max_fails", word) {
      guard let failures = number(text, at: place, 0...65_535) else { return false }
      peer.maximumFailures = failures
    } else if let (text, place) = parameter("fail_timeout", word) {
      guard let time = time(text, at: place, mayBeZero: true) else { return false }
      peer.failTimeout = time
    } else if let (text, place) = parameter("slow_start", word) {
      guard let time = time(text, at: place, mayBeZero: true) else { return false }
      peer.slowStart = time
      peer.slowStartPlace = time.nanoseconds > 0 ? word.place : nil
    } else if let (text, place) = parameter("max_conns", word) {
      guard let connections = number(text, at: place, 0...16_777_216) else { return false }
      peer.maximumConnections = connections
    } else {
      unknownParameter(word)
      return false
    }
    return true
  }

  private func unknownParameter(_ word: Word) {
    let name = String(word.text.prefix { $0 != "=" })
    guard !["route", "drain"].contains(name) else {
      reporter.error(word.place, "\"\(name)\" is an nginx directive that Waybill does not support")
      return
    }
    let names = [
      "weight", "max_fails", "fail_timeout", "max_conns", "slow_start", "backup", "down",
      "resolve", "service",
    ]
    reporter.error(
      word.place, "invalid parameter \"\(word.text)\"",
      expected: "weight=, max_fails=, fail_timeout=, max_conns=, slow_start=, backup, down, resolve"
        + " or service=",
      suggestion: Suggestion.nearest(to: name, among: names))
  }
}
