// What is asked before a location does what it is there for: `internal`, who may use it,
// `try_files`.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// What came of `try_files`.
private enum FileTrial: BitwiseCopyable {
  case found, none
  /// The request has been answered with an error.
  case answered
}

extension Worker where K: ~Copyable {
  /// Looks at `internal`, at who may use the location, and at `try_files`, then does what the
  /// location is there for.
  @inline(never) mutating func lookAhead(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .none, "lookAhead: a response has begun")
    precondition(exchange.pointee.upstream == nil, "lookAhead: a backend is attached")
    let redirection = exchange.pointee.plan.pointee.redirection
    if redirection.isInternal && !isInternal(exchange) {
      return refuse(exchange, 404, .noRoute, .completed)
    }
    let isOpen = exchange.pointee.plan.pointee.admission.isOpen
    if isOpen || isAdmitted(exchange) { goAhead(exchange) }
  }

  /// Looks at `try_files` and `mirror`, then does what the location is there for.
  mutating func goAhead(_ exchange: ExchangePointer) {
    let redirection = exchange.pointee.plan.pointee.redirection
    // Like the steps of rewriting, these are not part of what `limit_except` makes of the location.
    if redirection.triesFiles && !isExcepted(exchange) {
      switch tryFiles(exchange, redirection) {
      case .found: break
      case .none: return go(exchange, to: redirection.triedLast, becomingGet: false)
      case .answered: return
      }
    }
    if !exchange.pointee.plan.pointee.pace.rate.isEmpty { _ = servingState(exchange) }
    let isAnswer = exchange.pointee.plan.pointee.content == .answer
    if !exchange.pointee.plan.pointee.mirrors.isEmpty && !isAnswer {
      guard mirror(exchange) else { return }
    }
    act(exchange, exchange.pointee.plan.pointee.content)
  }

  /// Looks for the files of `try_files`: the request goes on with the path of the first that is
  /// there.
  private mutating func tryFiles(
    _ exchange: ExchangePointer, _ redirection: RedirectionPlan
  ) -> FileTrial {
    precondition(exchange.isLive, "triesFiles: the exchange has ended")
    for index in redirection.triedFiles.indices {
      let tried = redirection.triedFiles[index]
      guard let (path, start) = triedPath(exchange, tried) else { continue }
      switch kernel.fileStatus(path.base, links: path.links) {
      case .found(let status) where (status.kind == .folder) == tried.isFolder:
        let name = UnsafeBufferPointer(rebasing: path.bytes[start...])
        goOn(exchange, with: name, isFolder: tried.isFolder)
        return commitTarget(exchange) ? .found : .answered
      case .refused(.failed(let error)):
        report(.critical, "files", exchange, exchange.pointee.downstream) { line in
          line.append("\"")
          line.appendEscaped(path.bytes.span, .standard)
          line.append("\" can't be checked: ")
          error.append(to: &line)
        }
      case .found, .refused: break
      }
    }
    return .none
  }

  /// The path of the file system that an argument means, and where what stands behind `root`, or
  /// `alias`, begins; nil when it is too long or leads out of its folder.
  private mutating func triedPath(
    _ exchange: ExchangePointer, _ tried: TriedFile
  ) -> (path: FilePath, start: Int)? {
    var writer = ByteWriter(filePathMemory)
    writeRaw(exchange.pointee.plan.pointee.files.root, exchange, into: &writer)
    let start = writer.count
    var name = ByteWriter(
      UnsafeMutableBufferPointer(rebasing: scratch[..<Limits.filePathBytes]))
    writeRaw(tried.path, exchange, into: &name)
    // A path that `rewrite` has left without a slash names nothing below root.
    if name.overflowed { return nil }
    let isBelow = name.count == 0 || name.written[0] == UInt8(ascii: "/")
    guard isBelow || exchange.pointee.plan.pointee.files.isAlias else { return nil }
    var skipped = 0
    // nginx does so for arguments with variables alone.
    if exchange.pointee.plan.pointee.files.replacesPrefix && tried.path.hasVariables {
      skipped = sharedPrefix(exchange, name.span)
    }
    writer.append(name.span.extracting(skipped..<name.count))
    guard let path = existingPath(exchange, &writer, joinedAt: start) else { return nil }
    return (path, start)
  }

  /// Bytes of the location's own path that an argument begins with: all of it or none.
  private mutating func sharedPrefix(_ exchange: ExchangePointer, _ name: Span<UInt8>) -> Int {
    let path = exchange.pointee.pathBytes.span
    let count = min(exchange.pointee.plan.pointee.files.aliasPrefixCount, path.count)
    guard name.count >= count else { return 0 }
    return EntityTagList.isEqual(name.extracting(0..<count), path.extracting(0..<count)) ? count : 0
  }

  /// Has the request go on with a file's path below `root`, or behind the location's own path. A
  /// backend is sent what the client sent, unless that has been replaced already.
  private mutating func goOn(
    _ exchange: ExchangePointer, with name: UnsafeBufferPointer<UInt8>, isFolder: Bool
  ) {
    let path = exchange.pointee.pathBytes
    let files = exchange.pointee.plan.pointee.files
    let prefix = files.replacesPrefix ? min(files.aliasPrefixCount, path.count) : 0
    if files.isAlias && !files.replacesPrefix {
      // As in nginx: a folder leaves the path as it was, so that no index leads elsewhere.
      if isFolder { return }
      servingState(exchange).pointee.joinsPathToAlias = true
    }
    guard let size = Buffer.Size(holding: prefix + name.count), name.count > 0 || prefix > 0
    else { return }
    var buffer = buffers.take(size)
    var writer = ByteWriter(buffer.bytes)
    writer.append(path.span.extracting(0..<prefix))
    writer.append(name.span)
    precondition(!writer.overflowed, "goOn: the buffer was chosen too small")
    let count = writer.count
    swap(&exchange.pointee.pathBuffer, &buffer)
    exchange.pointee.pathByteCount = UInt32(count)
    buffers.giveBack(&buffer)
    if let state = exchange.pointee.serving, state.pointee.headCount > 0 {
      state.pointee.isTargetStale = true
    }
  }
}

extension Template {
  /// True when its text is not the same for all requests.
  var hasVariables: Bool {
    for index in parts.indices where parts[index].variable != .literal { return true }
    return false
  }
}
