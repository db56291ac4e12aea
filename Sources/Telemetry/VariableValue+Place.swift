import Basics
import HTTP

/// Variables of where a request came in: addresses, connection, server, process.
extension ExchangeRecord {
  func writePlaceValue(
    _ variable: Variable, as form: ValueForm, into writer: inout ByteWriter
  ) -> Bool {
    switch variable {
    case .remoteAddress: client.write(into: &writer)
    case .binaryRemoteAddress: writer.appendBytes(of: client, as: form)
    case .remotePort: writer.appendPort(of: client)
    case .https:
      if isSecure { writer.append("on") }
    case .realIPRemoteAddress: socketPeer.write(into: &writer)
    case .realIPRemotePort: writer.appendPort(of: socketPeer)
    case .serverAddress: local.write(into: &writer)
    case .serverPort: writer.appendPort(of: local)
    case .serverName: writer.append(serverName.span, as: form)
    case .connection: writer.append(decimal: connection)
    case .connectionRequests: writer.append(decimal: UInt64(connectionRequest))
    case .scheme: writer.append(isSecure ? "https" : "http")
    case .processID: writer.append(decimal: UInt64(processID))
    case .generation: writer.append(decimal: UInt64(generation))
    case .proxyHost: return writer.appendIfPresent(proxyHost.span, as: form)
    case .proxyProtocolAddress:
      guard hasAnnouncedClient else { return false }
      announcedClient.write(into: &writer)
    case .proxyProtocolPort:
      guard hasAnnouncedClient else { return false }
      writer.appendPort(of: announcedClient)
    default: writer.append(isPipelined ? "p" : ".")
    }
    return true
  }
}

extension ByteWriter {
  /// Appends the bytes of an address, in the order of the network; nothing for a unix socket.
  fileprivate mutating func appendBytes(of address: PeerAddress, as form: ValueForm) {
    var bytes = InlineBytes<16>()
    if address.family == .ipv6 {
      for place in 0..<8 {
        bytes.append(UInt8(truncatingIfNeeded: address.high >> UInt64(56 - 8 * place)))
      }
    }
    let count = address.family == .ipv6 ? 8 : address.family == .ipv4 ? 4 : 0
    for place in 0..<count {
      bytes.append(UInt8(truncatingIfNeeded: address.low >> UInt64(8 * (count - 1 - place))))
    }
    append(bytes.span, as: form)
  }

  /// Appends the port; nothing for a unix socket, as nginx does.
  fileprivate mutating func appendPort(of address: PeerAddress) {
    if address.port != 0 { append(decimal: UInt64(address.port)) }
  }
}
