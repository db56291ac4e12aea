import Basics
import Policy

/// `server` in `upstream`: an address and how it is used.
extension ConfigurationBuilder {
  /// Notes a server of the open upstream.
  func upstreamServer(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard let endpoints = backendEndpoints(word) else { return }
    var peer = PeerDeclaration(place: word.place, endpoints: endpoints)
    for parameter in use.arguments.dropFirst() {
      guard serverParameter(parameter, &peer) else { return }
    }
    for endpoint in endpoints {
      peer.endpoints = [endpoint]
      upstream?.add(peer)
    }
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
    guard !["resolve", "route", "service", "slow_start", "drain"].contains(name) else {
      reporter.error(word.place, "\"\(name)\" is an nginx directive that Waybill does not support")
      return
    }
    let names = ["weight", "max_fails", "fail_timeout", "max_conns", "backup", "down"]
    reporter.error(
      word.place, "invalid parameter \"\(word.text)\"",
      expected: "weight=, max_fails=, fail_timeout=, max_conns=, backup or down",
      suggestion: Suggestion.nearest(to: name, among: names))
  }
}
