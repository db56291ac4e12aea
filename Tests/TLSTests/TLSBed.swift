import Certificates
import TLS

/// A client and a server that talk through memory, in pieces of any size.
final class TLSBed {
  static let authority = TestAuthority()
  static let pair = authority.issue("a.example")

  /// One end: its session, and the memory that it works in.
  final class End {
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 512 * 1024, alignment: 64)
    let transport: TLSTransportPointer
    var session: TLSSession?
    /// Bytes on their way to this end.
    var arriving: [UInt8] = []
    /// True once the handshake is complete.
    var isDone = false
    var failure: TLSFailure?

    init() {
      transport = .allocate(capacity: 1)
      transport.initialize(to: TLSTransport(room: room))
    }

    deinit {
      session?.free()
      transport.deinitialize(count: 1)
      transport.deallocate()
      room.deallocate()
    }

    /// Gives the session `count` of the bytes that arrive while `body` runs; what it leaves stays.
    func with<Result>(_ count: Int, _ body: (TLSSession) -> Result) -> Result? {
      guard let session else { return nil }
      let bytes = Array(arriving.prefix(count))
      return bytes.withUnsafeBytes { memory in
        transport.pointee.input = memory
        let result = body(session)
        let left = transport.pointee.input.count
        arriving.removeFirst(bytes.count - left)
        transport.pointee.input = UnsafeRawBufferPointer(start: nil, count: 0)
        return result
      }
    }

    /// What it has to send.
    func takeOutput() -> [UInt8] {
      defer { transport.pointee.clearOutput() }
      return Array(transport.pointee.output)
    }
  }

  let server = End()
  let client = End()
  /// The contexts by name; the first is the one that a session begins with.
  let contexts: [(name: String, context: TLSServerContext)]
  /// The name that the server was asked for.
  var asked: String?

  init(
    _ contexts: [(name: String, context: TLSServerContext)], client settings: TLSClientContext,
    name: String = "a.example", resuming saved: TLSSavedSession? = nil
  ) {
    self.contexts = contexts
    server.session = TLSSession(contexts[0].context, server.transport)
    client.session = name.withCString { text in
      TLSSession(
        settings, name: TLSPeerName(bytes: text, isSent: true), resuming: saved, client.transport)
    }
  }

  static func serverContext(
    _ pair: TestAuthority.Pair = TLSBed.pair, keys: TicketKeys = TicketKeys(interval: 3600),
    _ change: (inout TLSServerSettings) -> Void = { _ in }
  ) throws -> TLSServerContext {
    keys.rotate(now: 1000)
    var settings = TLSServerSettings()
    settings.pairs = [
      TLSPair(
        certificates: TLSFile(path: "a.crt", bytes: pair.certificate),
        key: TLSFile(path: "a.key", bytes: pair.key))
    ]
    change(&settings)
    return try TLSServerContext(settings, keys: keys)
  }

  static func clientContext(
    _ change: (inout TLSClientSettings) -> Void = { _ in }
  ) throws -> TLSClientContext {
    var settings = TLSClientSettings()
    settings.common.ciphers = "DEFAULT"
    settings.common.authorities = [TLSFile(path: "ca.pem", bytes: authority.pem)]
    change(&settings)
    return try TLSClientContext(settings)
  }

  /// Shakes hands, `piece` bytes at a time, until both are done, one has failed, or nothing moves.
  func shake(piece: Int = .max) {
    // The client speaks first.
    step(client, piece)
    for _ in 0..<20_000 where !isOver {
      client.arriving += server.takeOutput()
      server.arriving += client.takeOutput()
      if client.arriving.isEmpty && server.arriving.isEmpty { return }
      if !server.arriving.isEmpty { step(server, piece) }
      client.arriving += server.takeOutput()
      if !client.arriving.isEmpty { step(client, piece) }
    }
    client.arriving += server.takeOutput()
    server.arriving += client.takeOutput()
  }

  private var isOver: Bool {
    (client.isDone && server.isDone) || client.failure != nil || server.failure != nil
  }

  private func step(_ end: End, _ piece: Int) {
    guard !end.isDone else { return }
    switch end.with(piece, { $0.handshake() }) {
    case .done: end.isDone = true
    case .failed(let failure): end.failure = failure
    case .needsServer:
      answerName(end)
      step(end, 0)
    case .needsInput, nil: break
    }
  }

  private func answerName(_ end: End) {
    let name = String(decoding: end.transport.pointee.serverName, as: UTF8.self)
    asked = name
    let chosen = contexts.first { $0.name == name } ?? contexts[0]
    if chosen.context.rejectsHandshake {
      end.session?.reject()
    } else {
      end.session?.choose(chosen.context)
    }
  }

  /// Sends `content` from one end to the other, `piece` bytes on the wire at a time.
  func carry(_ content: [UInt8], from source: End, to target: End, piece: Int = .max) -> [UInt8] {
    var received: [UInt8] = []
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 70_000, alignment: 16)
    defer { memory.deallocate() }
    for start in stride(from: 0, to: content.count, by: TLSSession.recordBytes) {
      let record = content[start..<min(content.count, start + TLSSession.recordBytes)]
      _ = Array(record).withUnsafeBytes { source.session?.write($0) }
      target.arriving += source.takeOutput()
      while !target.arriving.isEmpty {
        guard case .bytes(let count, _) = target.with(piece, { $0.read(into: memory) }) else {
          continue
        }
        received += memory[0..<count]
      }
    }
    return received
  }
}
