import Basics
import HTTP

/// Reads addresses: `host:port`, `[::1]:port`, `unix:/path`, and for `listen` also `port` and
/// `*:port`.
extension ConfigurationBuilder {
  /// The host and port of an authority; the port is nil when there is none.
  func splitAuthority(_ text: String, at place: Place) -> (host: String, port: UInt16?)? {
    var host = Substring(text)
    var portText: Substring?
    if text.hasPrefix("[") {
      guard let close = text.firstIndex(of: "]") else {
        reporter.error(place, "\"]\" is missing in the IPv6 address \"\(text)\"")
        return nil
      }
      let rest = text[text.index(after: close)...]
      host = text[...close]
      guard rest.isEmpty || rest.hasPrefix(":") else {
        return invalidAddress(text, place)
      }
      portText = rest.isEmpty ? nil : rest.dropFirst()
    } else if let colon = text.lastIndex(of: ":") {
      host = text[..<colon]
      portText = text[text.index(after: colon)...]
      guard !host.contains(":") else {
        reporter.error(
          place, "invalid address \"\(text)\"", expected: "an IPv6 address in brackets: [\(text)]")
        return nil
      }
    }
    guard isHost(host) else { return invalidAddress(text, place) }
    guard let portText else { return (String(host), nil) }
    guard let port = UInt16(portText), port > 0, portText.allSatisfy(\.isNumber) else {
      reporter.error(
        place, "invalid port \"\(portText)\" in \"\(text)\"", expected: "a port from 1 to 65535")
      return nil
    }
    return (String(host), port)
  }

  private func invalidAddress(_ text: String, _ place: Place) -> (String, UInt16?)? {
    reporter.error(
      place, "invalid address \"\(text)\"",
      expected: "host:port, 127.0.0.1:port, [::1]:port or unix:/path")
    return nil
  }

  /// True for what may stand before the port: a literal address or a name.
  private func isHost(_ host: Substring) -> Bool {
    if host.hasPrefix("[") || isDotted(host) { return literalAddress(String(host)) != nil }
    return host == "*"
      || !host.isEmpty && host.utf8.count <= 253
        && host.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"):
            true
          default: false
          }
        }
  }

  /// True for digits and dots: meant as an IPv4 address, and never a name.
  private func isDotted(_ host: Substring) -> Bool {
    host.contains(".") && host.allSatisfy { $0 == "." || $0.isASCII && $0.isNumber }
  }

  private func literalAddress(_ host: String) -> PeerAddress? {
    let bytes = Array(host.utf8)
    guard !host.hasPrefix("unix:") else { return nil }
    return PeerAddress(parsing: bytes.span)
  }

  /// The addresses of `host`, each once, with `port`.
  func endpoints(
    host: String, port: UInt16, at place: Place, suggestion: () -> String? = { nil }
  ) -> [Endpoint]? {
    let addresses: [PeerAddress]
    if let literal = literalAddress(host) {
      addresses = [literal]
    } else {
      guard let found = resolve(host.lowercased(), at: place, suggestion: suggestion) else {
        return nil
      }
      addresses = found
    }
    var endpoints: [Endpoint] = []
    for var address in addresses {
      address.port = port
      guard !endpoints.contains(where: { $0.address == address }) else { continue }
      endpoints.append(Endpoint(address: address, unixPath: "", name: text(of: address)))
    }
    return endpoints
  }

  /// The endpoint at an address whose port is known.
  func endpoint(at address: PeerAddress) -> Endpoint {
    Endpoint(address: address, unixPath: "", name: text(of: address))
  }

  /// The unix socket at `path`.
  func unixEndpoint(_ path: String, at place: Place) -> Endpoint? {
    guard path.hasPrefix("/") else {
      reporter.error(place, "invalid Unix socket \"unix:\(path)\"", expected: "unix:/absolute/path")
      return nil
    }
    guard path.utf8.count <= ConfigurationLimits.unixPathBytes else {
      let limit = ConfigurationLimits.unixPathBytes
      reporter.error(place, "the path of a Unix socket can't be longer than \(limit) bytes")
      return nil
    }
    return Endpoint(address: .unix, unixPath: path, name: "unix:\(path)")
  }

  private func text(of address: PeerAddress) -> String {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer in
      // The writer does not outlive the buffer, and 64 bytes hold any address.
      var writer = ByteWriter(buffer)
      address.writeWithPort(into: &writer)
      return String(decoding: writer.written, as: UTF8.self)
    }
  }
}
