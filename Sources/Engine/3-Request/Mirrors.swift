// `mirror`: copies of a request are sent to other locations, whose answers nobody waits for.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Sends copies of a request to the locations of `mirror`; false when its content is to be read
  /// whole before: then `endBuffering` goes on.
  @inline(never) mutating func mirror(_ exchange: ExchangePointer) -> Bool {
    precondition(exchange.pointee.response == .none, "mirror: a response has begun")
    // As in nginx, there are no copies of copies.
    if exchange.pointee.client.pointee.isSubrequest { return true }
    // What answers a request whose head never came whole.
    if exchange.pointee.request == .head { return true }
    let hasContent = exchange.pointee.request == .content && !exchange.pointee.kept.isUsed
    if hasContent && exchange.pointee.plan.pointee.mirrorsContent {
      servingState(exchange).pointee.awaitsMirrors = true
      bufferRequest(exchange)
      return false
    }
    sendMirrors(exchange)
    return true
  }

  /// Sends the copies. What becomes of them is nothing to the request.
  @inline(never) mutating func sendMirrors(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.upstream == nil, "sendMirrors: a backend is attached")
    let mirrors = exchange.pointee.plan.pointee.mirrors
    let takesContent = exchange.pointee.plan.pointee.mirrorsContent
    let isWhole =
      exchange.pointee.request == .complete || exchange.pointee.kept.isWhole
      || liesBehindHead(exchange)
    guard isWhole || !takesContent else {
      return report(.error, "mirror", exchange, exchange.pointee.downstream) { line in
        line.append("the request is not mirrored: its content could not be kept")
      }
    }
    for index in mirrors.indices {
      guard let copy = makeSubrequest(.mirror, of: exchange) else { return }
      copyValues(of: exchange, to: copy)
      if takesContent { copyContent(of: exchange, to: copy) }
      note(.mirrored, exchange)
      let query = UnsafeBufferPointer(
        rebasing: exchange.pointee.headBytes[exchange.pointee.head.query.offsets])
      begin(
        subrequest: copy, at: mirrors[index], query: exchange.pointee.head.hasQuery ? query : nil)
    }
  }

  /// True for content all of which lies behind its head, and none of which has been taken.
  private mutating func liesBehindHead(_ exchange: ExchangePointer) -> Bool {
    guard exchange.pointee.request == .content, exchange.pointee.requestReader.framing == .length,
      !exchange.pointee.kept.isUsed
    else { return false }
    let left = exchange.pointee.requestReader.left
    return left == exchange.pointee.requestReader.length
      && left <= UInt64(exchange.pointee.client.pointee.inputCount)
  }

  /// Gives a copy the values that variables have by now.
  private mutating func copyValues(of exchange: ExchangePointer, to copy: ExchangePointer) {
    guard let source = exchange.pointee.serving, let base = source.pointee.computedBase else {
      return
    }
    let count = Int(source.pointee.computedCount)
    let target = computingState(copy)
    while target.pointee.computedCapacity < count {
      guard growComputed(target) else { return }
    }
    target.pointee.computedBase?.copyMemory(from: base, byteCount: count)
    target.pointee.computedCount = UInt32(count)
  }

  /// Gives a copy the content of the request: what is in memory is copied, a file is read by both.
  private mutating func copyContent(of exchange: ExchangePointer, to copy: ExchangePointer) {
    precondition(!copy.pointee.kept.isUsed, "copyContent: it has content")
    let kept = exchange.pointee.kept
    let behindHead = liesBehindHead(exchange)
    var memory = UnsafeRawBufferPointer(start: kept.memory.base, count: Int(kept.memoryCount))
    if behindHead {
      let input = UnsafeRawBufferPointer(exchange.pointee.client.pointee.inputBytes)
      memory = UnsafeRawBufferPointer(
        rebasing: input[..<Int(exchange.pointee.requestReader.length)])
    }
    let count = kept.fileCount &+ UInt64(memory.count)
    guard behindHead || kept.isWhole, count > 0 else { return }
    copy.pointee.kept.isUsed = true
    copy.pointee.kept.isWhole = true
    if !memory.isEmpty, let source = memory.baseAddress {
      guard let size = Buffer.Size(holding: memory.count) else {
        preconditionFailure("copyContent: more than a buffer holds lies in one")
      }
      copy.pointee.kept.memory = buffers.take(size)
      copy.pointee.kept.memory.base?.copyMemory(from: source, byteCount: memory.count)
      copy.pointee.kept.memoryCount = UInt32(memory.count)
    }
    if kept.file != .none {
      sharedFiles.share(kept.file)
      copy.pointee.kept.file = kept.file
      copy.pointee.kept.fileCount = kept.fileCount
    }
    copy.pointee.requestReader.beginBehind(length: count)
    copy.pointee.request = .content
  }
}
