// A request that goes on in another location without its client's knowledge: by an index, by
// `try_files`, by `error_page`. Its ID stays, and so does what it asked for (`$request_uri`); its
// path and its query (`$uri`, `$args`) become those that it is sent on with.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// The query of a request that is redirected internally.
enum RedirectedQuery: BitwiseCopyable {
  /// The one that it has.
  case kept
  /// What follows a `?` in the new target, or none.
  case written
}

extension Worker where K: ~Copyable {
  /// Sends a request on to the target that a template makes.
  mutating func redirectInternally(
    _ exchange: ExchangePointer, to target: Template, _ query: RedirectedQuery
  ) {
    precondition(exchange.isLive, "redirectInternally: the exchange has ended")
    precondition(exchange.pointee.response == .none, "redirectInternally: a response has begun")
    precondition(exchange.pointee.upstream == nil, "redirectInternally: a backend is attached")
    var writer = ByteWriter(
      UnsafeMutableBufferPointer(rebasing: scratch[..<Limits.largestTargetBytes]))
    writeRaw(target, exchange, into: &writer)
    guard !writer.overflowed, writer.count > 0, writer.written[0] == UInt8(ascii: "/") else {
      report(.error, "request", exchange, exchange.pointee.downstream) { line in
        line.append("an internal redirect has an invalid or too long target")
      }
      // No location matches a path without a slash before it.
      return refuseUnconditionally(exchange, writer.overflowed || writer.count == 0 ? 500 : 404)
    }
    var path = writer.written
    var newQuery: UnsafeBufferPointer<UInt8>?
    if case .written = query, let mark = path.firstIndex(of: UInt8(ascii: "?")) {
      newQuery = UnsafeBufferPointer(rebasing: path[(mark + 1)...])
      path = UnsafeBufferPointer(rebasing: path[..<mark])
    }
    redirectInternally(exchange, path: path, query, newQuery)
  }

  /// Sends a request on to a file of the folder that it asks for.
  mutating func redirectToIndex(
    _ exchange: ExchangePointer, _ name: UnsafeBufferPointer<UInt8>
  ) {
    precondition(exchange.isLive, "redirectToIndex: the exchange has ended")
    precondition(exchange.pointee.response == .none, "redirectToIndex: a response has begun")
    precondition(exchange.pointee.upstream == nil, "redirectToIndex: a backend is attached")
    var writer = ByteWriter(
      UnsafeMutableBufferPointer(rebasing: scratch[..<Limits.largestTargetBytes]))
    writer.append(exchange.pointee.pathBytes.span)
    writer.append(name.span)
    guard !writer.overflowed else { return refuseUnconditionally(exchange, 500) }
    redirectInternally(exchange, path: writer.written, .kept, nil)
  }

  /// Sends a request on to a decoded path.
  mutating func redirectInternally(
    _ exchange: ExchangePointer, path: UnsafeBufferPointer<UInt8>, _ query: RedirectedQuery,
    _ newQuery: UnsafeBufferPointer<UInt8>?
  ) {
    precondition(exchange.isLive, "redirectInternally: the exchange has ended")
    precondition(exchange.pointee.response == .none, "redirectInternally: a response has begun")
    precondition(exchange.pointee.upstream == nil, "redirectInternally: a backend is attached")
    guard countRedirect(exchange) else { return }
    guard replaceTarget(exchange, path, query, newQuery) else {
      return refuseUnconditionally(exchange, 500)
    }
    exchange.pointee.plan = fallbackLocation(of: exchange.pointee.server)
    buffers.giveBack(&exchange.pointee.pathBuffer)
    let rewrites = !tables.servers[exchange.pointee.server].rewriting.isEmpty
    exchange.pointee.serving?.pointee.isLocationLost = false
    exchange.pointee.serving?.pointee.joinsPathToAlias = false
    switch findLocation(exchange, mergesSlashes: false) {
    case .found where rewrites: if rewriteInServer(exchange) { enterLocation(exchange) }
    case .found: enterLocation(exchange)
    case .badPath: refuse(exchange, 400, .httpRequestError, Termination(.proxy, .route))
    case .undecided: refuseUnconditionally(exchange, 500)
    }
  }

  /// Sends a request on to a named location, with its path and its query.
  mutating func enterNamedLocation(_ exchange: ExchangePointer, _ location: Int) {
    precondition(exchange.isLive, "enterNamedLocation: the exchange has ended")
    precondition(exchange.pointee.response == .none, "enterNamedLocation: a response has begun")
    precondition(exchange.pointee.upstream == nil, "enterNamedLocation: a backend is attached")
    guard countRedirect(exchange) else { return }
    guard location >= 0 else {
      report(.error, "request", exchange, exchange.pointee.downstream) { line in
        line.append("the target of an internal redirect, a named location, does not exist")
      }
      return refuseUnconditionally(exchange, 500)
    }
    exchange.pointee.plan = tables.locations.address(of: location)
    enterLocation(exchange)
  }

  /// Does what the location is there for that a request has been sent on to.
  mutating func enterLocation(_ exchange: ExchangePointer) {
    let maximum = exchange.pointee.plan.pointee.maximumContentBytes
    if maximum > 0, exchange.pointee.requestReader.length > maximum {
      return refuseLength(exchange)
    }
    goOn(exchange, exchange.pointee.plan.pointee.action)
  }

  /// Does what a location is there for, once more perhaps.
  mutating func goOn(_ exchange: ExchangePointer, _ action: LocationAction) {
    precondition(exchange.pointee.response == .none, "goOn: a response has begun")
    precondition(exchange.pointee.upstream == nil, "goOn: a backend is attached")
    let isRedirected = (exchange.pointee.serving?.pointee.redirectCount ?? 0) > 0
    let asksBackend =
      action == .proxy
      || action == .precontent && exchange.pointee.plan.pointee.content == .proxy
    if isRedirected && asksBackend {
      guard mayAskBackend(exchange) else {
        let status = exchange.pointee.serving?.pointee.answeredStatus ?? 0
        return refuseUnconditionally(exchange, status >= 400 ? status : 500)
      }
      // What was kept for another location is not for this one's backend.
      let isKept = exchange.pointee.kept.isUsed && exchange.pointee.request == .content
      if exchange.pointee.plan.pointee.dropsRequestContent && isKept {
        guard dropContent(exchange) else { return }
      }
    }
    act(exchange, action)
  }

  /// Prepares a request for a backend, after others may have been asked. False when it has no head,
  /// or when its content has been used up.
  private mutating func mayAskBackend(_ exchange: ExchangePointer) -> Bool {
    precondition(exchange.pointee.upstream == nil, "mayAskBackend: a backend is attached")
    guard exchange.pointee.request != .head else { return false }
    let state = servingState(exchange)
    if exchange.pointee.record.hasCaptures { dropUpstreamFields(exchange) }
    let tryCount = exchange.pointee.record.tryCount
    state.pointee.earlierTries = tryCount
    if tryCount > 0, tryCount < Limits.tries {
      exchange.pointee.record.upstreamStarts |= 1 &<< UInt16(tryCount)
    }
    exchange.pointee.tried.removeAll()
    exchange.pointee.replacedStaleConnection = false
    if exchange.pointee.contentConsumed {
      report(.error, "request", exchange, exchange.pointee.downstream) { line in
        line.append("the request can't be sent to another backend: its content has been sent")
      }
      return false
    }
    // The location before may have had its backend get none of the content.
    let isRead = exchange.pointee.request == .complete
    if exchange.pointee.record.tryCount > 0 || isRead { rewindContent(exchange) }
    return true
  }

  /// Counts a change of location; false when there were too many, and then the request has been
  /// answered.
  mutating func countRedirect(_ exchange: ExchangePointer) -> Bool {
    let state = servingState(exchange)
    closeFile(state)
    state.pointee.describesFile = false
    state.pointee.pass.leaveLocation()
    if Int(state.pointee.redirectCount) < Limits.internalRedirects {
      let index = Int(state.pointee.redirectCount)
      state.pointee.upstreams[index] = UInt32(exchange.pointee.upstreamIndex)
    }
    state.pointee.redirectCount += 1
    note(.redirected, exchange, Int(state.pointee.redirectCount))
    guard state.pointee.redirectCount > Limits.internalRedirects else { return true }
    report(.error, "request", exchange, exchange.pointee.downstream) { line in
      line.append("the request is in a redirect loop: there were more than ")
      line.append(decimal: UInt64(Limits.internalRedirects))
      line.append(" internal redirects")
    }
    refuseUnconditionally(exchange, 500)
    return false
  }

  /// Answers an error of the configuration, which no `error_page` may lead on from.
  mutating func refuseUnconditionally(_ exchange: ExchangePointer, _ status: UInt16) {
    precondition(exchange.isLive, "refuseUnconditionally: the exchange has ended")
    precondition(status >= 400, "refuseUnconditionally: not an error")
    servingState(exchange).pointee.servesErrorPage = true
    refuse(exchange, status, .proxyInternalError, Termination(.proxy, .route))
  }

  /// Remembers how long the head was that came.
  private mutating func noteHeadCount(_ exchange: ExchangePointer) {
    let state = servingState(exchange)
    if state.pointee.headCount == 0 {
      state.pointee.headCount = exchange.pointee.headByteCount
    }
  }

  /// Writes the new target behind the head, in a buffer that holds both, and what had come behind
  /// the head behind that. False when no buffer is large enough.
  mutating func replaceTarget(
    _ exchange: ExchangePointer, _ path: UnsafeBufferPointer<UInt8>, _ query: RedirectedQuery,
    _ newQuery: UnsafeBufferPointer<UInt8>?
  ) -> Bool {
    precondition(exchange.pointee.headBytes.count > 0, "replaceTarget: there is no head")
    let all = exchange.pointee.headBytes
    // A target that was written before goes.
    let head = UnsafeBufferPointer(rebasing: all[..<Int(exchange.pointee.arrivedHeadCount)])
    let oldQuery = UnsafeBufferPointer(rebasing: all[exchange.pointee.head.query.offsets])
    let isKept = query == .kept
    let chosenQuery = isKept ? oldQuery : newQuery ?? UnsafeBufferPointer(start: nil, count: 0)
    let client = exchange.pointee.client
    let sharesInput = exchange.pointee.sharesInput
    let inputEnd = sharesInput ? Int(client.pointee.inputEnd) : all.count
    let room = 3 * path.count + 3 + 3 * chosenQuery.count
    guard let size = Buffer.Size(holding: inputEnd + room) else { return false }
    var buffer = buffers.take(size)
    var writer = ByteWriter(buffer.bytes)
    writer.append(head.span)
    // What is quoted of a head that is not complete ends with its line.
    writer.append("\r\n")
    let pathStart = writer.count
    PathNormalization.encode(path.span, into: &writer)
    let newPath = ByteRange(start: pathStart, count: writer.count - pathStart)
    writer.append(UInt8(ascii: "?"))
    let queryStart = writer.count
    ASCIITarget.appendSafely(chosenQuery.span, into: &writer)
    let queryRange = ByteRange(start: queryStart, count: writer.count - queryStart)
    let newHeadCount = writer.count
    if sharesInput {
      let old = UnsafeBufferPointer(rebasing: exchange.pointee.headBuffer.bytes[..<inputEnd])
      writer.append(UnsafeBufferPointer(rebasing: old[all.count...]).span)
    }
    precondition(!writer.overflowed, "replaceTarget: the buffer was chosen too small")
    exchange.pointee.head.redirect(
      path: newPath, query: queryRange,
      hasQuery: isKept ? exchange.pointee.head.hasQuery : newQuery != nil)
    noteHeadCount(exchange)
    swap(&exchange.pointee.headBuffer, &buffer)
    exchange.pointee.headByteCount = UInt32(newHeadCount)
    if sharesInput {
      let shift = newHeadCount - all.count
      client.pointee.input = exchange.pointee.headBuffer
      client.pointee.inputStart = UInt32(Int(client.pointee.inputStart) + shift)
      client.pointee.inputEnd = UInt32(Int(client.pointee.inputEnd) + shift)
    }
    buffers.giveBack(&buffer)
    return true
  }
}
