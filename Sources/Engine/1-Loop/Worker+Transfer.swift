// How bytes enter and leave a connection: the only calls of the kernel's read and write.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// What reading from a connection brought.
enum Receipt: BitwiseCopyable {
  /// Bytes were added to its input.
  case bytes
  /// Nothing is there now, or the input is full.
  case nothing
  /// The peer has ended its stream.
  case end
  /// The connection is broken.
  case failed(KernelError)
}

/// What writing to a connection did.
enum Delivery: BitwiseCopyable {
  /// All was taken.
  case done
  /// Some waits in `output` until there is room.
  case blocked
  /// The connection is broken.
  case failed(KernelError)
}

extension Worker where K: ~Copyable {
  /// Reads once into the free end of a stream's input, which gets a buffer of `size` when it
  /// has none. A read that fills less than the buffer has emptied the socket, so no second one is
  /// made.
  mutating func receive(_ stream: StreamPointer, _ size: Buffer.Size) -> Receipt {
    if stream.pointee.isMultiplexed { return receiveMultiplexed(stream) }
    guard stream.pointee.flags.contains(.readable) else { return .nothing }
    if stream.pointee.flags.contains(.endRead) { return .nothing }
    if stream.pointee.input.isNone {
      stream.pointee.input = buffers.take(size)
      stream.pointee.inputStart = 0
      stream.pointee.inputEnd = 0
    }
    let end = Int(stream.pointee.inputEnd)
    let room = stream.pointee.input.capacity &- end
    guard room > 0, let base = stream.pointee.input.base else { return .nothing }
    let target = UnsafeMutableRawBufferPointer(start: base + end, count: room)
    switch read(stream, into: target) {
    case .bytes(let count):
      assert(count <= room, "receive: more was read than there was room for")
      stream.pointee.inputEnd &+= UInt32(count)
      stream.pointee.flags.insert(.progressed)
      return .bytes
    case .wouldBlock:
      stream.pointee.flags.remove(.readable)
      return .nothing
    case .end:
      stream.pointee.flags.insert(.endRead)
      stream.pointee.flags.remove(.readable)
      return .end
    case .failed(let error):
      stream.pointee.flags.remove(.readable)
      return .failed(error)
    }
  }

  @inline(__always) private mutating func read(
    _ stream: StreamPointer, into target: UnsafeMutableRawBufferPointer
  ) -> ReadResult {
    let connection = stream.pointee.connection
    if let link = connection.pointee.tls { return readSecured(connection, link, into: target) }
    let result = kernel.read(connection.pointee.descriptor, into: target)
    if case .bytes(let count) = result, count < target.count,
      !stream.pointee.flags.contains(.endAnnounced)
    {
      stream.pointee.flags.remove(.readable)
    }
    return result
  }

  /// Writes `prefix` (in the scratch memory), then the content and framing set in `output`. What is
  /// held from before goes first.
  mutating func send(
    _ stream: StreamPointer,
    prefix: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
  ) -> Delivery {
    var prefix = prefix
    if !prefix.isEmpty && !stream.pointee.output.heldBytes.isEmpty {
      holdMore(stream, prefix)
      prefix = UnsafeRawBufferPointer(start: nil, count: 0)
    }
    if prefix.isEmpty && !stream.pointee.hasOutput && !stream.pointee.isMultiplexed {
      return .done
    }
    let held = stream.pointee.output.heldBytes
    let first = held.isEmpty ? prefix : held
    let parts = WriteParts(
      first, stream.pointee.output.payloadBytes, stream.pointee.output.suffixBytes)
    let total = parts.count
    var written = 0
    if stream.pointee.flags.contains(.writable) || stream.pointee.isMultiplexed {
      switch transmit(stream, parts) {
      case .bytes(let count): written = count
      case .wouldBlock: break
      case .failed(let error): return .failed(error)
      }
    }
    assert(written <= total, "send: more was written than there was")
    account(stream, written: written, first: first.count)
    if written == total && !stream.pointee.flags.contains(.sealed) {
      buffers.giveBack(&stream.pointee.output.held)
      stream.pointee.output = Outbound()
      return .done
    }
    stream.pointee.flags.remove(.writable)
    keep(stream, prefix: prefix, written: written)
    return .blocked
  }

  @inline(__always) private mutating func transmit(
    _ stream: StreamPointer, _ parts: WriteParts
  ) -> WriteResult {
    if !stream.pointee.traits.isEmpty {
      return stream.pointee.isMultiplexed
        ? sendMultiplexed(stream, parts.first) : transmitPaced(stream, parts)
    }
    let connection = stream.pointee.connection
    if let link = connection.pointee.tls { return sendSecured(connection, link, parts) }
    return kernel.write(connection.pointee.descriptor, parts)
  }

  /// Notes in the exchange's record what was handed to the kernel; with TLS, what was sealed for
  /// it.
  @inline(__always) private mutating func account(
    _ stream: StreamPointer, written: Int, first: Int
  ) {
    guard written > 0 else { return }
    stream.pointee.flags.insert(.progressed)
    guard let exchange = stream.pointee.exchange else { return }
    guard stream.pointee.connection.pointee.role == .downstream else {
      exchange.pointee.upstreamBytesSent &+= UInt64(written)
      return
    }
    let content = min(max(written &- first, 0), Int(stream.pointee.output.payloadCount))
    exchange.pointee.record.bytesSent &+= UInt64(written)
    exchange.pointee.record.contentBytesOut &+= UInt64(content)
  }

  /// Keeps what a short write left: the rest of the prefix in a buffer, the rest where it is.
  private mutating func keep(
    _ stream: StreamPointer, prefix: UnsafeRawBufferPointer, written: Int
  ) {
    let heldCount = stream.pointee.output.heldBytes.count
    let firstCount = max(heldCount, prefix.count)
    if written >= firstCount {
      buffers.giveBack(&stream.pointee.output.held)
      stream.pointee.output.heldStart = 0
      stream.pointee.output.heldEnd = 0
      stream.pointee.output.consume(payloadAndSuffix: written &- firstCount)
    } else if heldCount > 0 {
      stream.pointee.output.heldStart &+= UInt32(written)
    } else {
      hold(stream, UnsafeRawBufferPointer(rebasing: prefix[written...]))
    }
  }

  /// Copies bytes into the held piece of a connection's output, which must be empty.
  private mutating func hold(_ stream: StreamPointer, _ bytes: UnsafeRawBufferPointer) {
    assert(stream.pointee.output.held.isNone, "hold: something is held")
    assert(!bytes.isEmpty, "hold: there is nothing to hold")
    guard let size = Buffer.Size(holding: bytes.count) else {
      preconditionFailure("the scratch memory is larger than the largest buffer")
    }
    let buffer = buffers.take(size)
    buffer.base?.copyMemory(from: bytes.baseAddress.unsafelyUnwrapped, byteCount: bytes.count)
    stream.pointee.output.held = buffer
    stream.pointee.output.heldStart = 0
    stream.pointee.output.heldEnd = UInt32(bytes.count)
  }

  /// Keeps what would be written first of all in a buffer, to be sent later.
  mutating func holdPrefix(_ stream: StreamPointer, _ prefix: UnsafeRawBufferPointer) {
    guard !prefix.isEmpty else { return }
    if stream.pointee.output.heldBytes.isEmpty {
      hold(stream, prefix)
    } else {
      holdMore(stream, prefix)
    }
  }

  /// Puts bytes behind the held ones, before which nothing else may wait: an answer of Waybill's
  /// own behind an interim response that the client has not taken yet.
  private mutating func holdMore(_ stream: StreamPointer, _ bytes: UnsafeRawBufferPointer) {
    assert(!bytes.isEmpty, "holdMore: there is nothing to hold")
    assert(!stream.pointee.output.held.isNone, "holdMore: nothing is held")
    var before = stream.pointee.output.held
    let held = stream.pointee.output.heldBytes
    assert(
      stream.pointee.output.payloadCount == 0 && stream.pointee.output.suffix == .none,
      "send: a prefix would overtake content")
    guard let size = Buffer.Size(holding: held.count + bytes.count) else {
      preconditionFailure("two heads are larger than the largest buffer")
    }
    let buffer = buffers.take(size)
    buffer.base?.copyMemory(from: held.baseAddress.unsafelyUnwrapped, byteCount: held.count)
    (buffer.base.unsafelyUnwrapped + held.count).copyMemory(
      from: bytes.baseAddress.unsafelyUnwrapped, byteCount: bytes.count)
    stream.pointee.output.held = buffer
    stream.pointee.output.heldStart = 0
    stream.pointee.output.heldEnd = UInt32(held.count + bytes.count)
    buffers.giveBack(&before)
  }

  /// Moves what is left of a connection's input to the begin of its buffer when its end is full.
  mutating func compactInput(_ stream: StreamPointer) {
    assert(
      stream.pointee.inputStart <= stream.pointee.inputEnd,
      "compactInput: the input ends before it begins")
    guard let base = stream.pointee.input.base, stream.pointee.inputStart > 0,
      Int(stream.pointee.inputEnd) == stream.pointee.input.capacity
    else { return }
    let count = stream.pointee.inputCount
    base.copyMemory(from: base + Int(stream.pointee.inputStart), byteCount: count)
    stream.pointee.inputStart = 0
    stream.pointee.inputEnd = UInt32(count)
  }

  /// Sets what a stream waits for and until when. The deadline moves only when the reason
  /// changed or bytes moved since, so that what happens on the other side can't extend it.
  mutating func startWaiting(
    _ stream: StreamPointer, for wait: Connection.Wait, atMost timeout: Interval
  ) {
    assert(wait != .nothing, "startWaiting: nothing is waited for")
    if stream.pointee.wait == wait && !stream.pointee.flags.contains(.progressed) { return }
    stream.pointee.wait = wait
    stream.pointee.flags.remove(.progressed)
    timers.setDeadline(stream.timer, now + timeout)
  }

  /// Ends a stream's waiting.
  mutating func stopWaiting(_ stream: StreamPointer) {
    stream.pointee.wait = .nothing
    stream.pointee.timer.deadline = .never
  }

  /// Closes a connection's socket, gives its memory back and frees its slot. Whatever exchange used
  /// it must have let go of it before.
  mutating func close(_ connection: ConnectionPointer, reset: Bool = false) {
    assert(connection.pointee.phase != .closed, "close: the connection is closed")
    if let link = connection.pointee.session { freeSession(connection, link) }
    if let link = connection.pointee.tls { freeLink(connection, link, reset: reset) }
    if reset {
      kernel.reset(connection.pointee.descriptor)
    } else {
      kernel.close(connection.pointee.descriptor)
    }
    release(slotOf: connection)
  }

  /// Gives back a connection's memory and slot, all but its socket and its TLS.
  mutating func release(slotOf connection: ConnectionPointer) {
    assert(connection.pointee.exchange == nil, "release: an exchange uses it")
    assert(connection.pointee.session == nil, "release: its session is not freed")
    assert(connection.pointee.tls == nil, "release: its TLS is not freed")
    if connection.pointee.flags.contains(.refused) { refusedCount &-= 1 }
    if connection.pointee.flags.contains(.reusable) { leaveReusable(connection) }
    countConnection(connection, by: -1)
    timers.remove(connection.stream.timer)
    buffers.giveBack(&connection.pointee.input)
    buffers.giveBack(&connection.pointee.output.held)
    connection.pointee.output = Outbound()
    connection.pointee.descriptor = .none
    connection.pointee.phase = .closed
    connection.pointee.exchange = nil
    connection.pointee.flags.formIntersection(.queued)
    // The token's upper half must stay below those of listeners and of the wake-up.
    connection.pointee.generation = (connection.pointee.generation &+ 1) & 0x7fff_ffff
    connections.release(connection.pointee.slot)
  }

  /// Takes a slot for a new socket and begins to watch it; nil when there is no slot or the kernel
  /// refuses, and then the socket is closed, unless `closesRefused` is false.
  mutating func open(
    _ descriptor: Descriptor, role: Connection.Role, origin: Int, closesRefused: Bool = true
  ) -> ConnectionPointer? {
    assert(descriptor != .none, "open: there is no socket")
    guard let (slot, connection) = connections.take(initial: { Connection(slot: 0, at: $0) }) else {
      if closesRefused { kernel.close(descriptor) }
      return nil
    }
    let generation = connection.pointee.generation
    let queued = connection.pointee.flags.intersection(.queued)
    connection.pointee = Connection(slot: slot, at: connection)
    connection.pointee.generation = generation
    connection.pointee.flags = queued
    connection.pointee.descriptor = descriptor
    connection.pointee.role = role
    connection.pointee.origin = UInt32(origin)
    connection.pointee.phase = .idle
    countConnection(connection, by: 1)
    if let error = kernel.watch(descriptor, token: connection.pointee.token) {
      report(.critical, "loop", nil, nil) { line in
        line.append("a socket can't be watched: ")
        error.append(to: &line)
      }
      if closesRefused { close(connection) } else { forget(connection) }
      return nil
    }
    return connection
  }

  // MARK: A connection's own stream

  mutating func receive(_ connection: ConnectionPointer, _ size: Buffer.Size) -> Receipt {
    receive(connection.stream, size)
  }

  mutating func startWaiting(
    _ connection: ConnectionPointer, for wait: Connection.Wait, atMost timeout: Interval
  ) {
    startWaiting(connection.stream, for: wait, atMost: timeout)
  }

  mutating func stopWaiting(_ connection: ConnectionPointer) { stopWaiting(connection.stream) }

  mutating func enqueue(_ connection: ConnectionPointer) { enqueue(connection.stream) }
}
