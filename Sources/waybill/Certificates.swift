// The certificates of the running proxy: taken anew on SIGHUP, and only as a whole.

import Configuration
import Platform
import TLS

/// What new connections are given as TLS, and how it is read again.
struct Certificates {
  private let materials: TLSMaterials
  /// Where workers find the contexts.
  let shelf: TLSShelf

  /// The certificates of a configuration.
  init(_ compiled: CompiledConfiguration) {
    materials = compiled.tlsMaterials
    shelf = TLSShelf(compiled.tls)
  }

  /// The keys of session tickets, for another process.
  var ticketKeys: [UInt8] { shelf.current.keys.exported }

  /// Uses another process' keys of session tickets: what it has sealed can be opened here.
  func adopt(ticketKeys: [UInt8]) { shelf.current.keys.adopt(ticketKeys) }

  /// Reads all files again. True when new contexts lie on the shelf; else what is wrong has been
  /// said, and the old ones stay.
  func renew() -> Bool {
    let renewed = materials.renew(.system, keys: shelf.current.keys)
    for diagnostic in renewed.diagnostics {
      StandardStream.notice(diagnostic.render())
    }
    guard let tables = renewed.tables else { return false }
    shelf.replace(with: tables)
    return true
  }
}
