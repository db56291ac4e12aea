import HTTP
import Policy

/// `listen`: an address, or several when a name has several, and options.
extension ConfigurationBuilder {
  /// Notes the addresses of a `listen` in the open server.
  func listen(_ use: DirectiveUse) {
    guard let endpoints = listenEndpoints(use.arguments[0]) else { return }
    var options = ListenDeclaration(place: use.arguments[0].place, endpoint: endpoints[0])
    var isDatagram = false
    for word in use.arguments.dropFirst() {
      if word.text == "quic" { isDatagram = true }
      guard listenOption(word, &options) else { return }
    }
    guard !isDatagram else {
      if server?.firstDatagramListen == nil { server?.firstDatagramListen = options.place }
      return note(use, .warned, "HTTP/3 is not supported yet, so this address is not opened.")
    }
    for endpoint in endpoints {
      options.endpoint = endpoint
      if let place = options.dualStackPlace, endpoint.address.family != .ipv6 {
        reporter.error(place, "\"ipv6only\" has no effect on \(endpoint.name)")
        return
      }
      guard server?.endpoints.insert(endpoint.socket).inserted != false else {
        reporter.error(options.place, "the server already listens on \(endpoint.name)")
        continue
      }
      server?.listens.append(options)
    }
  }

  private func listenEndpoints(_ word: Word) -> [Endpoint]? {
    let text = word.text
    if text.hasPrefix("unix:") {
      guard let endpoint = unixEndpoint(String(text.dropFirst(5)), at: word.place) else {
        return nil
      }
      claim(endpoint.unixPath, for: .listener, at: word.place)
      return [endpoint]
    }
    if text.hasPrefix("systemd:") { return inheritedEndpoint(text, at: word.place).map { [$0] } }
    let isPort = !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isNumber || $0 == "-") }
    let host = isPort ? "*" : String(text.prefix(upTo: portColon(text) ?? text.endIndex))
    let ports = isPort ? text : portColon(text).map { String(text[text.index(after: $0)...]) }
    guard let ports, let dash = ports.firstIndex(of: "-") else {
      if isPort {
        guard let port = number(word, 1...65535) else { return nil }
        return endpoints(host: "0.0.0.0", port: UInt16(port), at: word.place)
      }
      guard let (host, port) = splitAuthority(text, at: word.place) else { return nil }
      return endpoints(host: host == "*" ? "0.0.0.0" : host, port: port ?? 80, at: word.place)
    }
    return portRange(host, ports[..<dash], ports[ports.index(after: dash)...], at: word.place)
  }

  /// Where the colon before the port stands.
  private func portColon(_ text: String) -> String.Index? {
    let colon = text.lastIndex(of: ":")
    return colon.flatMap { text[$0...].contains("]") ? nil : $0 }
  }

  /// `FIRST-LAST`: each port of the range.
  private func portRange(
    _ host: String, _ first: Substring, _ last: Substring, at place: Place
  ) -> [Endpoint]? {
    guard let first = UInt16(first), let last = UInt16(last), first > 0, first <= last else {
      reporter.error(
        place, "invalid range of ports \"\(first)-\(last)\"",
        expected: "two ports from 1 to 65535, the lower one first, such as 8000-8010")
      return nil
    }
    guard let (name, _) = splitAuthority(host.isEmpty ? "*" : host, at: place) else { return nil }
    var all: [Endpoint] = []
    for port in first...last {
      let host = name == "*" ? "0.0.0.0" : name
      guard let endpoints = endpoints(host: host, port: port, at: place) else { return nil }
      all += endpoints
    }
    return all
  }

  /// A socket that the service manager opens, by its `FileDescriptorName=`.
  private func inheritedEndpoint(_ text: String, at place: Place) -> Endpoint? {
    let name = String(text.dropFirst("systemd:".count))
    let isValid = name.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: ":") }
    guard !name.isEmpty, name.utf8.count <= ConfigurationLimits.socketNameBytes, isValid else {
      reporter.error(
        place, "invalid socket name \"\(name)\"",
        expected: "systemd: and the FileDescriptorName= of a socket unit")
      return nil
    }
    return Endpoint(address: .unix, unixPath: "", name: text, inheritedName: name)
  }

  /// Notes one option; false when it is refused.
  private func listenOption(_ word: Word, _ listen: inout ListenDeclaration) -> Bool {
    switch word.text {
    case "default_server", "default": listen.isDefaultServer = true
    case "proxy_protocol": listen.acceptsProxyProtocol = true
    case "ssl": listen.isSecure = true
    // What they ask for is done anyway, or is of no use to workers that never block.
    case "reuseport", "bind", "deferred", "multipath", "quic": break
    case "ipv6only=on", "ipv6only=off":
      listen.dualStackPlace = word.place
      listen.isDualStack = word.text.hasSuffix("off")
    case "http2": listen.speaksHTTP2 = true
    default: return listenParameter(word, &listen)
    }
    return true
  }

  /// `NAME=VALUE`; the buffers, the queues and the probes of the kernel are left to it.
  private func listenParameter(_ word: Word, _ listen: inout ListenDeclaration) -> Bool {
    if let (text, place) = parameter("backlog", word) {
      guard text != "-1" else { return true }
      guard let backlog = number(text, at: place, 1...65535) else { return false }
      listen.backlog = (Int32(backlog), word.place)
      return true
    }
    for name in ["rcvbuf", "sndbuf"] {
      if let (text, place) = parameter(name, word) { return bytes(text, at: place) != nil }
    }
    for name in ["fastopen", "setfib"] {
      if let (text, place) = parameter(name, word) {
        return number(text, at: place, 0...UInt64(Int32.max)) != nil
      }
    }
    if let (text, _) = parameter("accept_filter", word), !text.isEmpty { return true }
    if let (text, place) = parameter("so_keepalive", word) { return isKeepalive(text, at: place) }
    let known = [
      "ssl", "default_server", "proxy_protocol", "http2", "quic", "reuseport", "deferred", "bind",
      "backlog=", "ipv6only=on", "ipv6only=off", "so_keepalive=", "fastopen=", "rcvbuf=",
      "sndbuf=", "setfib=", "accept_filter=", "multipath",
    ]
    reporter.error(
      word.place, "invalid parameter \"\(word.text)\"",
      expected: "ssl, default_server, proxy_protocol, backlog=NUMBER or reuseport",
      suggestion: Suggestion.nearest(to: word.text, among: known))
    return false
  }

  /// `on`, `off` or `[IDLE]:[INTERVAL]:[COUNT]`
  private func isKeepalive(_ text: String, at place: Place) -> Bool {
    if text == "on" || text == "off" { return true }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let isTriple =
      (1...3).contains(parts.count) && parts.contains { !$0.isEmpty }
      && parts.prefix(2).allSatisfy { $0.isEmpty || Units.interval(String($0)) != nil }
      && parts.dropFirst(2).allSatisfy { $0.isEmpty || UInt32($0) != nil }
    if !isTriple {
      reporter.error(
        place, "invalid value \"\(text)\"", expected: "on, off or IDLE:INTERVAL:COUNT")
    }
    return isTriple
  }
}
