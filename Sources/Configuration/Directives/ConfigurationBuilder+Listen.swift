import HTTP
import Policy

/// `listen`: an address, or several when a name has several, and options.
extension ConfigurationBuilder {
  /// Notes the addresses of a `listen` in the open server.
  func listen(_ use: DirectiveUse) {
    guard let endpoints = listenEndpoints(use.arguments[0]) else { return }
    var options = ListenDeclaration(place: use.arguments[0].place, endpoint: endpoints[0])
    for word in use.arguments.dropFirst() {
      guard listenOption(word, &options) else { return }
    }
    for endpoint in endpoints {
      options.endpoint = endpoint
      guard server?.endpoints.insert(endpoint.socket).inserted != false else {
        reporter.error(options.place, "the server listens on \(endpoint.name) already")
        continue
      }
      server?.listens.append(options)
    }
  }

  private func listenEndpoints(_ word: Word) -> [Endpoint]? {
    let text = word.text
    if text.hasPrefix("unix:") {
      return unixEndpoint(String(text.dropFirst(5)), at: word.place).map { [$0] }
    }
    if text.hasPrefix("systemd:") { return inheritedEndpoint(text, at: word.place).map { [$0] } }
    if !text.isEmpty, text.allSatisfy({ $0.isASCII && $0.isNumber }) {
      guard let port = number(word, 1...65535) else { return nil }
      return endpoints(host: "0.0.0.0", port: UInt16(port), at: word.place)
    }
    guard let (host, port) = splitAuthority(text, at: word.place) else { return nil }
    return endpoints(host: host == "*" ? "0.0.0.0" : host, port: port ?? 80, at: word.place)
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
    // Waybill does both anyway.
    case "reuseport", "ipv6only=on": break
    case "ssl": listen.isSecure = true
    case "http2", "quic":
      let what = word.text == "quic" ? "QUIC" : "HTTP/2"
      reporter.error(word.place, "\(what) is not available in this version")
      return false
    default:
      if let (text, place) = parameter("backlog", word) {
        guard let backlog = number(text, at: place, 1...65535) else { return false }
        listen.backlog = (Int32(backlog), word.place)
        return true
      }
      reporter.error(
        word.place, "invalid parameter \"\(word.text)\"",
        expected: "ssl, default_server, proxy_protocol, backlog=NUMBER or reuseport",
        suggestion: Suggestion.nearest(
          to: word.text, among: ["ssl", "default_server", "proxy_protocol", "reuseport"]))
      return false
    }
    return true
  }
}
