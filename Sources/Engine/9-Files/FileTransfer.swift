// The content of a file on its way: by `sendfile` from the file to the socket, or read and sealed
// where TLS is spoken. Content goes only as fast as the client takes it.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Goes on with a file whose head has been composed before.
  mutating func sendFile(_ exchange: ExchangePointer) {
    sendFile(exchange, behind: ByteWriter(scratch))
  }

  /// Sends as much of a file as the client takes in this turn, behind what `first` holds.
  mutating func sendFile(_ exchange: ExchangePointer, behind first: ByteWriter) {
    precondition(exchange.pointee.response == .file, "sendFile: no file is sent")
    if let stages = exchange.pointee.stages, !stages.pointee.isDrained {
      return sendStaged(exchange, stages, behind: first)
    }
    guard let state = exchange.pointee.serving else { preconditionFailure("no file is open") }
    let client = exchange.pointee.client
    var writer = first
    // All else is read before anything else happens.
    if client.pointee.hasOutput || state.pointee.ranges != nil { ownFile(state) }
    if client.pointee.hasOutput {
      holdPrefix(client, UnsafeRawBufferPointer(writer.written))
      writer = ByteWriter(scratch)
      switch send(client) {
      case .done: break
      case .blocked: return awaitFileReader(exchange)
      case .failed: return clientLeft(exchange)
      }
    }
    for _ in 0..<Limits.filePiecesPerTurn {
      if state.pointee.left == 0 { beginNextRange(exchange, state, &writer) }
      switch sendFilePiece(exchange, state, writer) {
      case .gone: return
      case .sent(.done):
        if client.pointee.wait == .clientSend { stopWaiting(client) }
        if exchange.pointee.response == .composed { return finishResponse(exchange) }
      case .sent(.blocked): return awaitFileReader(exchange)
      case .sent(.failed): return clientLeft(exchange)
      }
      writer = ByteWriter(scratch)
    }
    enqueue(client)
  }

  mutating func awaitFileReader(_ exchange: ExchangePointer) {
    precondition(
      exchange.pointee.client.pointee.hasOutput || exchange.pointee.response == .file,
      "awaitFileReader: nothing is to be sent")
    if !exchange.pointee.client.pointee.isPaced {
      exchange.pointee.history.noteOnce(.clientBlocked, at: now)
    }
    awaitClient(exchange)
  }

  /// Sends one piece behind what `writer` holds, by a copy where it is small or must be sealed, or
  /// where the end of the response must be held back.
  private mutating func sendFilePiece(
    _ exchange: ExchangePointer, _ state: ServingStatePointer, _ writer: ByteWriter
  ) -> FileStep {
    let client = exchange.pointee.client
    let isSmall = state.pointee.left <= Limits.copiedFileBytes
    if isSmall { return sendCopied(exchange, state, writer) }
    if !passesFiles(client) || exchange.pointee.plan.pointee.writesAhead {
      return sendBuffered(exchange, state, writer)
    }
    return sendUncopied(exchange, state, writer)
  }

  /// Notes that all of the content has been composed, if it has.
  private mutating func noteFileEnd(_ exchange: ExchangePointer, _ state: ServingStatePointer) {
    guard state.pointee.left == 0, state.pointee.ranges == nil else { return }
    closeFile(state)
    exchange.pointee.response = .composed
  }

  // MARK: Ways to send

  /// Reads the rest of the file, or of a range, behind what `writer` holds, and sends both in one
  /// piece.
  private mutating func sendCopied(
    _ exchange: ExchangePointer, _ state: ServingStatePointer, _ writer: ByteWriter
  ) -> FileStep {
    precondition(state.pointee.left <= Limits.copiedFileBytes, "sendCopied: too much is left")
    let start = writer.count
    var end = start
    while state.pointee.left > 0 {
      let memory = UnsafeMutableRawBufferPointer(
        rebasing: UnsafeMutableRawBufferPointer(scratch)[end..<end + Int(state.pointee.left)])
      guard let count = readPiece(exchange, state, into: memory) else { return .gone }
      end += count
    }
    noteFileEnd(exchange, state)
    let all = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(scratch)[0..<end])
    if exchange.pointee.response == .composed, holdsBack(exchange, all) { return .gone }
    return .sent(send(exchange.pointee.client, prefix: all))
  }

  /// Reads a piece into a buffer and sends it from there.
  private mutating func sendBuffered(
    _ exchange: ExchangePointer, _ state: ServingStatePointer, _ writer: ByteWriter
  ) -> FileStep {
    precondition(state.pointee.left > 0, "sendBuffered: nothing is left")
    if exchange.pointee.detachedBuffer.isNone {
      exchange.pointee.detachedBuffer = buffers.take(.medium)
    }
    let memory = UnsafeMutableRawBufferPointer(exchange.pointee.detachedBuffer.bytes)
    let wanted = Int(min(UInt64(memory.count), state.pointee.left))
    let piece = UnsafeMutableRawBufferPointer(rebasing: memory[0..<wanted])
    guard let count = readPiece(exchange, state, into: piece) else { return .gone }
    let content = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[0..<count])
    let prefix = UnsafeRawBufferPointer(writer.written)
    exchange.pointee.client.pointee.output.setPayload(content)
    return .sent(send(exchange.pointee.client, prefix: prefix))
  }

  /// Has the kernel send a piece.
  private mutating func sendUncopied(
    _ exchange: ExchangePointer, _ state: ServingStatePointer, _ writer: ByteWriter
  ) -> FileStep {
    precondition(state.pointee.left > 0, "sendUncopied: nothing is left")
    precondition(state.pointee.file != .none, "sendUncopied: there is no file")
    let client = exchange.pointee.client
    let prefix = UnsafeRawBufferPointer(writer.written)
    if !prefix.isEmpty {
      let delivery = sendAhead(exchange, prefix)
      guard case .done = delivery else { return .sent(delivery) }
    }
    let allowed = mayBeSent(client)
    guard allowed > 0 else { return .sent(.blocked) }
    let wanted = min(Int(min(state.pointee.left, Limits.filePieceBytes)), allowed)
    switch passFile(state.pointee.file, from: state.pointee.offset, count: wanted, to: client) {
    case .bytes(0):
      cutFile(exchange, state)
      return .gone
    case .bytes(let count):
      exchange.pointee.record.bytesSent &+= UInt64(count)
      state.pointee.offset += UInt64(count)
      state.pointee.left -= UInt64(count)
      noteFileEnd(exchange, state)
      return .sent(.done)
    case .wouldBlock: return .sent(.blocked)
    case .failed(let error) where error.kind == .reset || error.kind == .timedOut:
      return .sent(.failed(error))
    case .failed(let error):
      failFile(exchange, error)
      return .gone
    }
  }

  /// Writes what stands before a piece of a file; what is not taken is held.
  private mutating func sendAhead(
    _ exchange: ExchangePointer, _ prefix: UnsafeRawBufferPointer
  ) -> Delivery {
    let client = exchange.pointee.client
    var written = 0
    switch writeAhead(prefix, to: client) {
    case .bytes(let count): written = count
    case .wouldBlock: break
    case .failed(let error): return .failed(error)
    }
    exchange.pointee.record.bytesSent &+= UInt64(written)
    if written == prefix.count { return .done }
    holdPrefix(client, UnsafeRawBufferPointer(rebasing: prefix[written...]))
    return .blocked
  }

  // MARK: Reading

  /// Reads bytes of the file; nil when there are none, and then the exchange has ended.
  mutating func readPiece(
    _ exchange: ExchangePointer, _ state: ServingStatePointer,
    into memory: UnsafeMutableRawBufferPointer
  ) -> Int? {
    switch kernel.readFile(state.pointee.file, at: state.pointee.offset, into: memory) {
    case .bytes(let count):
      precondition(count > 0, "readPiece: no bytes were read")
      precondition(count <= memory.count, "readPiece: more was read than there was room for")
      state.pointee.offset += UInt64(count)
      state.pointee.left -= UInt64(count)
      return count
    case .end, .wouldBlock: cutFile(exchange, state)
    case .failed(let error): failFile(exchange, error)
    }
    return nil
  }

  /// Ends an exchange whose file has become shorter than it was when its length was sent.
  private mutating func cutFile(_ exchange: ExchangePointer, _ state: ServingStatePointer) {
    precondition(exchange.isLive, "cutFile: the exchange has ended")
    let missing = state.pointee.left
    report(.error, "files", exchange, exchange.pointee.downstream) { line in
      line.append("the file was truncated while it was sent: at least ")
      line.append(decimal: missing)
      line.append(" bytes are missing")
    }
    endFile(exchange)
  }

  private mutating func failFile(_ exchange: ExchangePointer, _ error: KernelError) {
    precondition(exchange.isLive, "failFile: the exchange has ended")
    report(.critical, "files", exchange, exchange.pointee.downstream) { line in
      line.append("the file can't be read: ")
      error.append(to: &line)
    }
    endFile(exchange)
  }

  /// The client can tell by the length that was announced; if nothing was sent yet, it gets a 500.
  private mutating func endFile(_ exchange: ExchangePointer) {
    precondition(exchange.isLive, "endFile: the exchange has ended")
    precondition(exchange.pointee.response != .none, "endFile: no file is sent")
    let isUnsent = exchange.pointee.record.bytesSent == 0
    if isUnsent && !exchange.pointee.client.pointee.hasOutput {
      exchange.pointee.response = .none
      releaseStages(exchange)
      return refuse(exchange, 500, .proxyInternalError, Termination(.proxy, .responseBody))
    }
    cutResponse(exchange, .proxyInternalError, Termination(.proxy, .responseBody))
  }
}

/// What sending a piece of a file came to.
private enum FileStep {
  /// It was handed to the socket, or waits.
  case sent(Delivery)
  /// The exchange has ended, or waits for its line; it must not be touched.
  case gone
}
