// How bytes enter and leave a connection that speaks TLS. To the rest of the engine it looks like
// any other: reads and writes take and give the same bytes, only sealed on the way.

import Basics
import HTTP
import Plan
import Platform
import Policy
import TLS
import Telemetry

extension Worker where K: ~Copyable {
  /// Decrypts into `target`: what waits first, then what one read of the socket brings. Sees to it
  /// that `readable` says whether a further read may find something.
  mutating func readSecured(
    _ connection: ConnectionPointer, _ link: TLSLinkPointer,
    into target: UnsafeMutableRawBufferPointer
  ) -> ReadResult {
    precondition(connection.pointee.tls == link, "readSecured: another connection's TLS")
    if let end = link.pointee.readEnd { return obey(end, connection) }
    // What does not fit into `target` keeps the connection readable, whatever the socket holds.
    defer { if holdsInput(link) { connection.pointee.flags.insert(.readable) } }
    if holdsInput(link) {
      let result = open(connection, link, link.pointee.arrived.bytes, into: target)
      guard case .wouldBlock = result else { return result }
    }
    for _ in 0..<Limits.readsPerTurn {
      switch kernel.read(connection.pointee.descriptor, into: tls.arrived) {
      case .bytes(let count):
        let bytes = UnsafeRawBufferPointer(rebasing: tls.arrived[0..<count])
        let result = open(connection, link, bytes, into: target)
        // A short read has emptied the socket.
        let isEmptied =
          count < tls.arrived.count && !connection.pointee.flags.contains(.endAnnounced)
        if isEmptied { connection.pointee.flags.remove(.readable) }
        // Less than one record came: the rest may be there already.
        if case .wouldBlock = result, !isEmptied { continue }
        return result
      case .wouldBlock: return .wouldBlock
      case .end: return endWithoutNotice(connection, link)
      case .failed(let error): return .failed(error)
      }
    }
    return .wouldBlock
  }

  /// The peer's socket has ended, but its TLS has not: whoever cut the connection may have cut a
  /// response short (RFC 9112 section 9.8). Of a client nothing more is wanted anyway.
  private mutating func endWithoutNotice(
    _ connection: ConnectionPointer, _ link: TLSLinkPointer
  ) -> ReadResult {
    guard connection.pointee.role == .upstream else { return .end }
    return .failed(KernelError(kind: .reset, code: 0))
  }

  /// Opens `bytes` into `target` and keeps what does not fit; `wouldBlock` when no whole record has
  /// come.
  private mutating func open(
    _ connection: ConnectionPointer, _ link: TLSLinkPointer, _ bytes: UnsafeRawBufferPointer,
    into target: UnsafeMutableRawBufferPointer
  ) -> ReadResult {
    tls.transport.pointee.input = bytes
    let step = link.pointee.session.read(into: target)
    buffers.keep(tls.transport.pointee.input, in: &link.pointee.arrived)
    // A new key of the peer's is answered, and what can't be read is answered by an alert.
    if case .failed(let error) = passOn(connection, link) { return .failed(error) }
    switch step {
    case .bytes(let count, let end):
      link.pointee.readEnd = end
      return .bytes(count)
    case .needsInput: return .wouldBlock
    case .over(let end):
      link.pointee.readEnd = end
      return obey(end, connection)
    }
  }

  private mutating func obey(
    _ end: TLSSession.ReadEnd, _ connection: ConnectionPointer
  ) -> ReadResult {
    switch end {
    case .end: return .end
    case .failed(let failure):
      reportBrokenSession(connection, failure)
      return .failed(KernelError(kind: .reset, code: 0))
    }
  }

  private mutating func reportBrokenSession(
    _ connection: ConnectionPointer, _ failure: TLSFailure
  ) {
    report(.error, "tls", connection.pointee.exchange, connection) { line in
      line.append("the session is broken: ")
      line.append(failure.reason.span.span)
    }
  }

  /// True when something that was read from the socket still waits to be given out.
  mutating func holdsInput(_ link: TLSLinkPointer) -> Bool {
    !link.pointee.arrived.isEmpty || link.pointee.session.hasPending
      || link.pointee.readEnd != nil
  }

  /// Seals and writes `parts`; says how many of their bytes were sealed. Those that the socket did
  /// not take wait at the link, and `sealed` is set at the connection.
  mutating func sendSecured(
    _ connection: ConnectionPointer, _ link: TLSLinkPointer, _ parts: WriteParts
  ) -> WriteResult {
    precondition(connection.pointee.tls == link, "sendSecured: another connection's TLS")
    precondition(
      parts.count > 0 || connection.pointee.flags.contains(.sealed),
      "sendSecured: there is nothing to send")
    if case .failed(let error) = passOn(connection, link) { return .failed(error) }
    var cursor = PartsCursor(parts)
    var sealed = 0
    while !cursor.isEmpty && link.pointee.leaving.isEmpty {
      var batch = 0
      while !cursor.isEmpty && batch < Limits.sealedBatchBytes {
        let piece = cursor.take(
          atMost: min(TLSSession.recordBytes, Limits.sealedBatchBytes &- batch), tls.record)
        guard link.pointee.session.write(piece) else {
          return .failed(KernelError(kind: .reset, code: 0))
        }
        batch &+= piece.count
      }
      sealed &+= batch
      if case .failed(let error) = passOn(connection, link) { return .failed(error) }
    }
    return sealed > 0 ? .bytes(sealed) : .wouldBlock
  }

  /// Writes what OpenSSL has left to be sent, behind what waits already.
  mutating func passOn(_ connection: ConnectionPointer, _ link: TLSLinkPointer) -> Delivery {
    let fresh = tls.transport.pointee.output
    defer { tls.transport.pointee.clearOutput() }
    guard link.pointee.leaving.isEmpty else {
      return passOn(connection, link, behind: fresh)
    }
    if fresh.isEmpty { return .done }
    var written = 0
    if connection.pointee.flags.contains(.writable) {
      switch kernel.write(connection.pointee.descriptor, WriteParts(fresh)) {
      case .bytes(let count): written = count
      case .wouldBlock: break
      case .failed(let error): return .failed(error)
      }
    }
    guard written < fresh.count else { return .done }
    buffers.keep(UnsafeRawBufferPointer(rebasing: fresh[written...]), in: &link.pointee.leaving)
    return block(connection)
  }

  private mutating func passOn(
    _ connection: ConnectionPointer, _ link: TLSLinkPointer, behind fresh: UnsafeRawBufferPointer
  ) -> Delivery {
    precondition(!link.pointee.leaving.isEmpty, "passOn: nothing waits")
    let waiting = link.pointee.leaving.bytes
    var written = 0
    if connection.pointee.flags.contains(.writable) {
      switch kernel.write(connection.pointee.descriptor, WriteParts(waiting, fresh)) {
      case .bytes(let count): written = count
      case .wouldBlock: break
      case .failed(let error): return .failed(error)
      }
    }
    if written > 0 { connection.pointee.flags.insert(.progressed) }
    if written == waiting.count + fresh.count {
      buffers.drop(&link.pointee.leaving)
      connection.pointee.flags.remove(.sealed)
      if link.pointee.shutsLater { kernel.shutdownWriting(connection.pointee.descriptor) }
      link.pointee.shutsLater = false
      return .done
    }
    if written >= waiting.count {
      let rest = UnsafeRawBufferPointer(rebasing: fresh[(written - waiting.count)...])
      buffers.keep(rest, in: &link.pointee.leaving)
    } else {
      link.pointee.leaving.start += written
      guard append(fresh, to: &link.pointee.leaving) else {
        // Nothing more of it is wanted, nor is it told of our end.
        connection.pointee.flags.insert(.failed)
        link.pointee.hasToldEnd = true
        report(.error, "tls", connection.pointee.exchange, connection) { line in
          line.append("the session is closed: its peer demands answers without reading them")
        }
        return .failed(KernelError(kind: .reset, code: 0))
      }
    }
    return block(connection)
  }

  /// Appends an answer of OpenSSL's own (a ticket, a new key, an alert) to what waits. False when
  /// that is more than a buffer holds: the peer asks for one after the other and reads none.
  private mutating func append(
    _ fresh: UnsafeRawBufferPointer, to sealed: inout SealedBytes
  ) -> Bool {
    guard !fresh.isEmpty, let source = fresh.baseAddress else { return true }
    let waiting = sealed.bytes
    let count = waiting.count + fresh.count
    guard let size = Buffer.Size(holding: count) else { return false }
    let both = buffers.take(size)
    if let base = both.base, let begin = waiting.baseAddress {
      base.copyMemory(from: begin, byteCount: waiting.count)
      (base + waiting.count).copyMemory(from: source, byteCount: fresh.count)
    }
    buffers.drop(&sealed)
    sealed = SealedBytes(buffer: both, start: 0, end: count)
    return true
  }

  /// Writes what waits at a connection, whoever left it there.
  mutating func passOnSealed(_ connection: ConnectionPointer) {
    guard connection.pointee.flags.contains(.writable), let link = connection.pointee.tls else {
      return
    }
    // A failure shows again where somebody can act on it.
    _ = passOn(connection, link)
  }

  private mutating func block(_ connection: ConnectionPointer) -> Delivery {
    connection.pointee.flags.insert(.sealed)
    connection.pointee.flags.remove(.writable)
    return .blocked
  }

  /// Ends our stream: by a close_notify where there is TLS, and in TCP behind it.
  mutating func endWriting(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase != .closed, "endWriting: it is closed")
    connection.pointee.flags.insert(.endWritten)
    if let link = connection.pointee.tls {
      tellEnd(connection, link)
      if connection.pointee.flags.contains(.sealed) {
        link.pointee.shutsLater = true
        return
      }
    }
    kernel.shutdownWriting(connection.pointee.descriptor)
  }

  /// Tells the peer in TLS that our stream ends, once. What the socket does not take of it waits as
  /// anything else does.
  mutating func tellEnd(_ connection: ConnectionPointer, _ link: TLSLinkPointer) {
    precondition(connection.pointee.tls == link, "tellEnd: another connection's TLS")
    guard !link.pointee.hasToldEnd, link.pointee.session.isEstablished else { return }
    link.pointee.hasToldEnd = true
    link.pointee.session.end()
    link.pointee.noticeCount = tls.transport.pointee.output.count
    // A failure shows again where somebody can act on it.
    _ = passOn(connection, link)
  }

  /// Frees a connection's TLS. The peer is told that the stream has ended, unless it is reset.
  mutating func freeLink(_ connection: ConnectionPointer, _ link: TLSLinkPointer, reset: Bool) {
    precondition(connection.pointee.tls == link, "freeLink: another connection's TLS")
    if !reset { tellEnd(connection, link) }
    buffers.drop(&link.pointee.arrived)
    buffers.drop(&link.pointee.leaving)
    link.pointee.session.free()
    link.pointee.identity?.free()
    link.deinitialize(count: 1)
    link.deallocate()
    connection.pointee.tls = nil
    connection.pointee.flags.remove(.sealed)
  }
}

/// Walks over the parts of a write, record by record.
private struct PartsCursor {
  private var parts: WriteParts

  init(_ parts: WriteParts) { self.parts = parts }

  var isEmpty: Bool { parts.count == 0 }

  /// The next bytes, at most `limit`. A piece that lies in one part is given as it lies; several
  /// are put together in `memory`, so that a head and short content share a record.
  mutating func take(
    atMost limit: Int, _ memory: UnsafeMutableRawBufferPointer
  ) -> UnsafeRawBufferPointer {
    if parts.first.isEmpty {
      parts = WriteParts(parts.second, parts.third)
      if parts.first.isEmpty { parts = WriteParts(parts.second) }
    }
    let first = parts.first
    if first.count >= limit || parts.count == first.count {
      let count = min(first.count, limit)
      parts.first = UnsafeRawBufferPointer(rebasing: first[count...])
      return UnsafeRawBufferPointer(rebasing: first[0..<count])
    }
    var filled = 0
    fill(memory, limit, &filled, &parts.first)
    fill(memory, limit, &filled, &parts.second)
    fill(memory, limit, &filled, &parts.third)
    return UnsafeRawBufferPointer(rebasing: memory[0..<filled])
  }

  private func fill(
    _ memory: UnsafeMutableRawBufferPointer, _ limit: Int, _ filled: inout Int,
    _ part: inout UnsafeRawBufferPointer
  ) {
    let count = min(part.count, limit - filled)
    guard count > 0, let source = part.baseAddress, let base = memory.baseAddress else { return }
    (base + filled).copyMemory(from: source, byteCount: count)
    filled += count
    part = UnsafeRawBufferPointer(rebasing: part[count...])
  }
}
