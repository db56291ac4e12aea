// The client's side in HTTP/1: how a response is framed, what becomes of the connection behind it,
// and where a request's content lies.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Has a connection that carries one exchange after the other be occupied by one.
  @inline(__always) mutating func occupyConnection(_ exchange: ExchangePointer) {
    guard !exchange.pointee.client.pointee.isMultiplexed else { return }
    exchange.pointee.downstream.pointee.phase = .exchange
  }

  // MARK: Framing and persistence

  /// How the client is to find the end of content that its sender frames so.
  @inline(__always) mutating func clientFraming(
    _ exchange: ExchangePointer, _ framing: ContentFraming
  ) -> ContentFraming {
    switch framing {
    case .none, .length: framing
    case .chunked, .untilClose: exchange.pointee.head.version != .http10 ? .chunked : .untilClose
    }
  }

  /// Decides whether the client's connection is kept (RFC 9112 section 9.3).
  @inline(__always) mutating func decideConnection(_ exchange: ExchangePointer) {
    let isLast =
      exchange.pointee.downstream.pointee.requestCount
      >= exchange.pointee.plan.pointee.keepaliveRequests
    // An answer that comes before the request's end may well be the reason to stop sending it.
    let isEarly =
      exchange.pointee.request == .content && !exchange.pointee.discardsContent
      && !exchange.pointee.kept.isWhole
    if !exchange.pointee.head.keepsAlive || exchange.pointee.clientFraming == .untilClose
      || isLast || isEarly || !isServing && isLastResponse(exchange)
      || exchange.pointee.plan.pointee.keepaliveTimeout.nanoseconds == 0
    {
      exchange.pointee.requireClosure(.orderly)
    }
  }

  /// Says how the response's content is framed, and what becomes of the connection.
  @inline(__always) mutating func writeResponseFraming(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout HeadWriter
  ) {
    // A session ends its streams itself.
    if writer.isFieldList { return writeAnnouncedLength(exchange, into: &writer) }
    switch exchange.pointee.clientFraming {
    case .none, .untilClose: break
    case .length(let count): writer.appendField("Content-Length", decimal: count)
    case .chunked: writer.appendField("Transfer-Encoding", "chunked")
    }
    if exchange.pointee.responseHead.status == 426 {
      writeRequiredUpgrade(exchange, bytes, into: &writer)
    } else {
      writeConnectionField(exchange, into: &writer)
    }
  }

  /// Says how the client finds the end of content whose length is not known.
  mutating func writeUnknownLength(_ exchange: ExchangePointer, into writer: inout HeadWriter) {
    guard !writer.isFieldList, exchange.pointee.clientFraming == .chunked else { return }
    writer.appendField("Transfer-Encoding", "chunked")
  }

  /// Passes on what a 426 asks to upgrade to, without which it says nothing (RFC 9110 section
  /// 15.5.22).
  @inline(never) private mutating func writeRequiredUpgrade(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout HeadWriter
  ) {
    writeConnectionField(exchange, into: &writer)
    var next = exchange.pointee.responseHead.fields.firstIndex(of: .upgrade)
    if next != nil { writer.appendField("Connection", "upgrade") }
    while let index = next {
      let value = exchange.pointee.responseHead.fields[index].value
      writer.appendField("Upgrade", bytes.extracting(value.offsets))
      next = exchange.pointee.responseHead.fields.firstIndex(of: .upgrade, from: index + 1)
    }
  }

  /// Says whether the connection is kept, where the version's default says otherwise.
  mutating func writeConnectionField(_ exchange: ExchangePointer, into writer: inout HeadWriter) {
    if writer.isFieldList { return }
    if exchange.pointee.closure != .none {
      writer.appendField("Connection", "close")
    } else if exchange.pointee.head.version == .http10 {
      writer.appendField("Connection", "keep-alive")
    }
  }

  /// The length of the content, where it is known, is all that a session is told.
  @inline(never) private mutating func writeAnnouncedLength(
    _ exchange: ExchangePointer, into writer: inout HeadWriter
  ) {
    guard case .length(let count) = exchange.pointee.clientFraming else { return }
    writer.appendField("Content-Length", decimal: count)
  }

  /// The two fields with which a connection changes to the protocol that the peer has chosen.
  mutating func writeSwitchFields(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout HeadWriter
  ) {
    writer.appendField("Connection", "upgrade")
    guard let index = exchange.pointee.responseHead.fields.firstIndex(of: .upgrade) else { return }
    let value = exchange.pointee.responseHead.fields[index].value
    writer.appendField("Upgrade", bytes.extracting(value.offsets))
  }

  // MARK: The request's content

  /// Tells a client that waits for it to send its content, in as many words as nginx. False when it
  /// is gone.
  mutating func inviteContent(_ exchange: ExchangePointer) -> Bool {
    assert(exchange.pointee.response == .none, "inviteContent: a response has begun")
    assert(exchange.pointee.head.expectsContinue, "inviteContent: nobody waits for it")
    let client = exchange.pointee.client
    var writer = HeadWriter(ByteWriter(scratch), for: client)
    writer.beginResponse(100)
    writer.end(for: client)
    if case .failed = send(client, prefix: UnsafeRawBufferPointer(writer.lines.written)) {
      clientLeft(exchange)
      return false
    }
    return true
  }

  /// Reads more of the request's content: behind the head while all of it fits there, so that it
  /// can be sent again, else into a buffer of its own.
  mutating func receiveContent(_ exchange: ExchangePointer) -> Receipt {
    let client = exchange.pointee.client
    if client.pointee.isMultiplexed { return receive(client, .medium) }
    let left = exchange.pointee.requestReader.left
    if exchange.pointee.sharesInput {
      let room = client.pointee.input.capacity &- Int(client.pointee.inputEnd)
      let isLength = exchange.pointee.requestReader.framing == .length
      guard !isLength || left > UInt64(room) else { return receive(client, .small) }
      guard client.pointee.flags.contains(.readable) else { return .nothing }
      leaveHeadBuffer(exchange)
    } else if client.pointee.inputCount == 0 {
      client.pointee.inputStart = 0
      client.pointee.inputEnd = 0
    } else {
      compactInput(client)
    }
    return receive(client, left > UInt64(Limits.mediumBufferBytes) ? .large : .medium)
  }

  /// Gives the connection a buffer of its own; the exchange keeps the one that its head lies in.
  /// What is left to decode (a part of a trailer section) moves along.
  mutating func leaveHeadBuffer(_ exchange: ExchangePointer) {
    assert(exchange.pointee.sharesInput, "leaveHeadBuffer: it was left")
    assert(
      !exchange.pointee.client.pointee.isMultiplexed, "leaveHeadBuffer: its head lies apart")
    let client = exchange.pointee.client
    let rest = client.pointee.inputBytes
    let buffer = buffers.take(.medium)
    if let base = rest.baseAddress { buffer.base?.copyMemory(from: base, byteCount: rest.count) }
    client.pointee.input = buffer
    client.pointee.inputStart = 0
    client.pointee.inputEnd = UInt32(rest.count)
    exchange.pointee.sharesInput = false
    exchange.pointee.contentConsumed = true
  }

  /// Reads behind the head while all content of a known length fits there, else into a buffer of
  /// its own.
  mutating func receiveToKeep(_ exchange: ExchangePointer) -> Receipt {
    let client = exchange.pointee.client
    if client.pointee.isMultiplexed { return receive(client, .medium) }
    if staysBehindHead(exchange) { return receive(client, .small) }
    if exchange.pointee.sharesInput {
      guard client.pointee.flags.contains(.readable) else { return .nothing }
      leaveHeadBuffer(exchange)
      exchange.pointee.contentConsumed = false
    } else if client.pointee.inputCount == 0 {
      client.pointee.inputStart = 0
      client.pointee.inputEnd = 0
    } else {
      compactInput(client)
    }
    return receive(client, .medium)
  }

  /// True for content that lies whole behind its head when it has come.
  mutating func staysBehindHead(_ exchange: ExchangePointer) -> Bool {
    guard exchange.pointee.sharesInput, exchange.pointee.requestReader.framing == .length,
      !exchange.pointee.kept.isUsed
    else { return false }
    let client = exchange.pointee.client
    let room = client.pointee.input.capacity &- Int(client.pointee.inputStart)
    return exchange.pointee.requestReader.left <= UInt64(room)
  }

  /// The content that lies whole behind its head, whether or not it has been passed on; nil when it
  /// does not, or there is none.
  func contentBehindHead(_ exchange: ExchangePointer) -> UnsafeBufferPointer<UInt8>? {
    guard exchange.pointee.sharesInput, exchange.pointee.requestReader.framing == .length,
      !exchange.pointee.kept.isUsed, !exchange.pointee.contentConsumed
    else { return nil }
    let client = exchange.pointee.client
    let length = exchange.pointee.requestReader.length
    let read = length - exchange.pointee.requestReader.left
    guard length > 0, read <= UInt64(client.pointee.inputStart) else { return nil }
    let start = Int(client.pointee.inputStart) - Int(read)
    guard length <= UInt64(Int(client.pointee.inputEnd) - start) else { return nil }
    return UnsafeBufferPointer(rebasing: client.pointee.input.bytes[start..<(start + Int(length))])
  }

  /// Gives the client's connection an input of its own, so that the head stays for the log line.
  mutating func separateInput(_ exchange: ExchangePointer) {
    assert(exchange.pointee.sharesInput, "separateInput: it is separate")
    exchange.pointee.client.pointee.input = .none
    exchange.pointee.client.pointee.inputStart = 0
    exchange.pointee.client.pointee.inputEnd = 0
    exchange.pointee.sharesInput = false
  }

  // MARK: Behind an exchange

  /// Closes a client's connection after its last response.
  mutating func closeDownstream(
    _ client: ConnectionPointer, _ closure: Exchange.Closure, hasUnread: Bool
  ) {
    assert(client.pointee.role == .downstream, "closeDownstream: not a client")
    assert(closure != .none, "closeDownstream: it may carry the next request")
    client.pointee.inputStart = 0
    client.pointee.inputEnd = 0
    assert(client.pointee.exchange == nil, "closeDownstream: an exchange is under way")
    if closure == .abrupt { return close(client, reset: true) }
    if client.pointee.flags.contains(.givesWay) {
      if let link = client.pointee.tls { tellEnd(client, link) }
      return close(client)
    }
    // Closing a socket with unread bytes makes the kernel send a reset, which may destroy the
    // response. With TLS a client's own end is always still to come.
    if hasUnread || client.pointee.tls != nil || client.pointee.flags.contains(.readable) {
      return beginLingering(client)
    }
    close(client)
  }

  /// Moves what has come of the next request to the begin of the buffer.
  @inline(__always) mutating func moveInputToBegin(_ stream: StreamPointer) {
    guard let base = stream.pointee.input.base, stream.pointee.inputStart > 0 else {
      return
    }
    let count = stream.pointee.inputCount
    if count > 0 {
      base.copyMemory(from: base + Int(stream.pointee.inputStart), byteCount: count)
    }
    stream.pointee.inputStart = 0
    stream.pointee.inputEnd = UInt32(count)
  }
}
