// From a request's path to a file: `root`, `alias`, `index`, and what becomes of paths that name
// none. nginx's statuses.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// A path of the file system in the worker's scratch memory, with a zero byte at its end.
struct FilePath: BitwiseCopyable {
  var base: UnsafePointer<UInt8>
  /// Bytes before the zero byte.
  var count: Int
  var links: LinkRule

  var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base, count: count) }
}

extension Worker where K: ~Copyable {
  /// Answers with the file that the path names.
  mutating func serveFile(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .none, "serveFile: a response has begun")
    precondition(exchange.pointee.upstream == nil, "serveFile: a backend is attached")
    switch exchange.pointee.head.method {
    case .get, .head, .post: break
    default: return refuse(exchange, 405, .none, .completed)
    }
    // What `rewrite` has made may lack the slash: it would name something beside the root.
    let joins = exchange.pointee.serving?.pointee.joinsPathToAlias == true
    guard joins || exchange.pointee.pathBytes.first == UInt8(ascii: "/") else {
      return refuse(exchange, 404, .none, .completed)
    }
    if let state = exchange.pointee.serving, state.pointee.isLocationLost,
      exchange.pointee.plan.pointee.files.isAlias
    {
      return refuseLostPath(exchange)
    }
    if exchange.pointee.pathBytes.last == UInt8(ascii: "/") { return serveFolder(exchange) }
    if exchange.pointee.plan.pointee.files.hasPacked, servesPacked(exchange) { return }
    guard let path = filePath(exchange) else { return }
    if path.links.kind == .followed && turnFile.isAt(path.bytes) {
      return serve(exchange, turnFile.file, turnFile.status, path, isShared: true)
    }
    switch kernel.openFile(path.base, links: path.links) {
    case .refused(let refusal): refuse(exchange, refusal, path)
    case .opened(let file, let status):
      serve(exchange, file, status, path, isShared: keepsInTurn(file, status, path))
    }
  }

  /// Answers a path of which nobody knows which part `alias` stands for.
  private mutating func refuseLostPath(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .none, "refuseLostPath: a response has begun")
    report(.error, "rewrite", exchange, exchange.pointee.downstream) { line in
      line.append("\"alias\" can't serve a path that \"rewrite ... break\" has made")
    }
    refuseUnconditionally(exchange, 500)
  }

  /// Keeps a file open until the turn ends; false when there is one already, or when it takes
  /// longer than that to send it.
  private mutating func keepsInTurn(
    _ file: Descriptor, _ status: FileStatus, _ path: FilePath
  ) -> Bool {
    guard !turnFile.isOpen, status.kind == .regular, status.size <= Limits.copiedFileBytes,
      path.links.kind == .followed
    else { return false }
    turnFile.keep(file, status, at: path.bytes)
    return true
  }

  /// Answers with the packed neighbour of the file that the path names; false when there is none,
  /// or the client does not take it.
  @inline(never) private mutating func servesPacked(_ exchange: ExchangePointer) -> Bool {
    guard exchange.pointee.head.method != .post,
      exchange.pointee.pathBytes.count < Limits.filePathBytes
    else { return false }
    return servesPacked(exchange, .brotli, exchange.pointee.plan.pointee.files.packedByBrotli)
      || servesPacked(exchange, .gzip, exchange.pointee.plan.pointee.files.packed)
  }

  private mutating func servesPacked(
    _ exchange: ExchangePointer, _ coding: ResponseCoding, _ rule: PackedFiles
  ) -> Bool {
    guard rule != .off else { return false }
    let isTaken = rule == .always || takesPacked(exchange, coding)
    // One that is not taken shows that the answer depends on the client.
    guard isTaken || exchange.pointee.plan.pointee.stages.sendsVary else { return false }
    var writer = ByteWriter(filePathMemory)
    let start = writeFilePath(exchange, into: &writer)
    writer.append(coding == .brotli ? ".br" : ".gz")
    guard let path = existingPath(exchange, &writer, joinedAt: start),
      case .opened(let file, let status) = kernel.openFile(path.base, links: path.links)
    else { return false }
    guard status.kind == .regular else {
      kernel.closeFile(file)
      return false
    }
    let state = servingState(exchange)
    if rule == .on { state.pointee.variesByNeighbour = true }
    guard isTaken else {
      kernel.closeFile(file)
      return false
    }
    state.pointee.file = file
    state.pointee.status = status
    state.pointee.packing = coding
    note(.fileOpened, exchange, Int(clamping: status.size))
    answerFile(exchange, state)
    return true
  }

  /// True when the client takes what is packed so.
  private mutating func takesPacked(
    _ exchange: ExchangePointer, _ coding: ResponseCoding
  ) -> Bool {
    if coding == .brotli { return accepts(exchange, "br") }
    return takesGzip(exchange, ResponseFacts(status: 200))
  }

  private mutating func serve(
    _ exchange: ExchangePointer, _ file: Descriptor, _ status: FileStatus, _ path: FilePath,
    isShared: Bool
  ) {
    precondition(file != .none, "serve: there is no file")
    let isPost = exchange.pointee.head.method == .post
    guard status.kind == .regular, !isPost else {
      if !isShared { kernel.closeFile(file) }
      switch status.kind {
      case .folder: return redirectToFolder(exchange)
      case .regular: return refuse(exchange, 405, .none, .completed)
      case .special:
        reportFile(exchange, path, "is not a regular file")
        return refuse(exchange, 404, .none, .completed)
      }
    }
    let state = servingState(exchange)
    state.pointee.file = file
    state.pointee.status = status
    state.pointee.packing = .none
    state.pointee.isShared = isShared
    note(.fileOpened, exchange, Int(clamping: status.size))
    answerFile(exchange, state)
  }

  /// Answers a path that ends with a slash: by the first file of `index` that the folder has.
  private mutating func serveFolder(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .none, "serveFolder: a response has begun")
    let indexes = exchange.pointee.plan.pointee.files.indexes
    var isFolderKnown = false
    for index in indexes.indices {
      guard let path = filePath(exchange, appending: indexes[index]) else { return }
      guard let name = path.name else {
        // nginx takes what begins with a slash for a path of the server.
        return redirectInternally(exchange, to: indexes[index], .kept)
      }
      switch kernel.fileStatus(path.path.base, links: path.path.links) {
      case .found: return redirectToIndex(exchange, name)
      case .refused(.missing):
        if isFolderKnown { continue }
        guard hasFolder(exchange) else { return }
        isFolderKnown = true
      case .refused(let refusal): return refuse(exchange, refusal, path.path)
      }
    }
    if !listsFolder(exchange) { refuseFolder(exchange) }
  }

  /// False when the folder that the path names is not there: then the request has been answered.
  private mutating func hasFolder(_ exchange: ExchangePointer) -> Bool {
    guard let path = filePath(exchange) else { return false }
    switch kernel.fileStatus(path.base, links: path.links) {
    case .found, .refused(.denied): return true
    case .refused(let refusal):
      refuse(exchange, refusal, path)
      return false
    }
  }

  private mutating func refuseFolder(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .none, "refuseFolder: a response has begun")
    guard let path = filePath(exchange) else { return }
    reportFile(exchange, path, "has no index file, and autoindex is off")
    refuse(exchange, 403, .none, .completed)
  }

  // MARK: Paths

  /// The file that the request's path names; nil when there can be none, and then the request has
  /// been answered.
  mutating func filePath(_ exchange: ExchangePointer) -> FilePath? {
    var writer = ByteWriter(filePathMemory)
    let start = writeFilePath(exchange, into: &writer)
    return endFilePath(exchange, &writer, joinedAt: start)
  }

  /// The same with a file's name behind it. `name` is nil when the template begins with a slash.
  private mutating func filePath(
    _ exchange: ExchangePointer, appending template: Template
  ) -> (path: FilePath, name: UnsafeBufferPointer<UInt8>?)? {
    var writer = ByteWriter(filePathMemory)
    let start = writeFilePath(exchange, into: &writer)
    let nameStart = writer.count
    writeRaw(template, exchange, into: &writer)
    let nameEnd = writer.count
    guard let path = endFilePath(exchange, &writer, joinedAt: start) else { return nil }
    let name = UnsafeBufferPointer(rebasing: path.bytes[nameStart..<nameEnd])
    return (path, name.first == UInt8(ascii: "/") ? nil : name)
  }

  /// The end of the scratch memory, where no head is composed.
  var filePathMemory: UnsafeMutableBufferPointer<UInt8> {
    UnsafeMutableBufferPointer(
      rebasing: scratch[(Limits.scratchBytes - 2 * Limits.filePathBytes)...])
  }

  /// Writes `root` and the path, or `alias` and the path without the location's prefix. Returns
  /// where what the client has asked for begins.
  mutating func writeFilePath(
    _ exchange: ExchangePointer, into writer: inout ByteWriter
  ) -> Int {
    writeRaw(exchange.pointee.plan.pointee.files.root, exchange, into: &writer)
    // A variable may hold what the client has asked for.
    let start = exchange.pointee.plan.pointee.files.root.hasVariables ? 0 : writer.count
    let path = exchange.pointee.pathBytes.span
    let joins = exchange.pointee.serving?.pointee.joinsPathToAlias == true
    let isAlias = exchange.pointee.plan.pointee.files.isAlias && !joins
    let prefix = isAlias ? exchange.pointee.plan.pointee.files.aliasPrefixCount : 0
    writer.append(path.extracting(min(prefix, path.count)..<path.count))
    return start
  }

  /// Ends a path that was written; nil when it is too long or leads out of its folder, and then the
  /// request has been answered.
  mutating func endFilePath(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter, joinedAt start: Int
  ) -> FilePath? {
    if let path = existingPath(exchange, &writer, joinedAt: start) { return path }
    refuse(exchange, 404, .none, .completed)
    return nil
  }

  /// Ends a path that was written; nil when it is too long or leads out of its folder.
  mutating func existingPath(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter, joinedAt start: Int
  ) -> FilePath? {
    precondition(start <= writer.count, "existingPath: it begins behind its end")
    writer.append(0)
    let count = writer.count - 1
    guard !writer.overflowed, count < Limits.filePathBytes,
      let base = writer.written.baseAddress
    else { return nil }
    var path = FilePath(base: base, count: count, links: LinkRule(.followed))
    guard !path.leadsUp(from: start) else {
      reportFile(exchange, path, "leads out of its directory")
      return nil
    }
    path.links = linkRule(exchange, path)
    return path
  }

  /// `disable_symlinks` for a path.
  private mutating func linkRule(_ exchange: ExchangePointer, _ path: FilePath) -> LinkRule {
    switch exchange.pointee.plan.pointee.files.links {
    case .allowed: return LinkRule(.followed)
    case .refused: return LinkRule(.refused, trustedCount: trustedCount(exchange, path))
    case .ofSameOwner: return LinkRule(.ofSameOwner, trustedCount: trustedCount(exchange, path))
    }
  }

  /// Bytes of a path that `from=` names: all of it must lie there, else none.
  private mutating func trustedCount(_ exchange: ExchangePointer, _ path: FilePath) -> Int {
    var writer = ByteWriter(scratch)
    writeRaw(exchange.pointee.plan.pointee.files.linksFrom, exchange, into: &writer)
    var count = writer.count
    while count > 0, writer.written[count - 1] == UInt8(ascii: "/") { count -= 1 }
    guard count > 0, path.count > count, path.bytes[count] == UInt8(ascii: "/") else { return 0 }
    for index in 0..<count where path.bytes[index] != writer.written[index] { return 0 }
    return count
  }

  // MARK: Refusals

  /// Answers a path that can't be opened.
  mutating func refuse(
    _ exchange: ExchangePointer, _ refusal: FileRefusal, _ path: FilePath
  ) {
    switch refusal {
    case .missing, .noFolder:
      if exchange.pointee.plan.pointee.files.logsMissing {
        reportFile(exchange, path, refusal.reason)
      }
      refuse(exchange, 404, .none, .completed)
    case .denied, .link:
      reportFile(exchange, path, refusal.reason)
      refuse(exchange, 403, .none, .completed)
    case .failed(let error):
      report(.critical, "files", exchange, exchange.pointee.downstream) { line in
        line.append("\"")
        line.appendEscaped(path.bytes.span, .standard)
        line.append("\" can't be opened: ")
        error.append(to: &line)
      }
      refuse(exchange, 500, .proxyInternalError, Termination(.proxy, .route))
    }
  }

  /// Says what is wrong with a path.
  mutating func reportFile(
    _ exchange: ExchangePointer, _ path: FilePath, _ reason: StaticString
  ) {
    report(.error, "files", exchange, exchange.pointee.downstream) { line in
      line.append("\"")
      line.appendEscaped(path.bytes.span, .standard)
      line.append("\" is not served: ")
      line.append(reason)
    }
  }
}

extension FilePath {
  /// True when a segment that ends behind `start` is `..`: a normalised path has none, but an alias
  /// without a slash at its end, or with one too many, may make one.
  fileprivate func leadsUp(from start: Int) -> Bool {
    var segment = start
    while segment > 0, bytes[segment - 1] != UInt8(ascii: "/") { segment -= 1 }
    var index = segment
    while index <= count {
      if index == count || bytes[index] == UInt8(ascii: "/") {
        let isUp =
          index - segment == 2 && bytes[segment] == UInt8(ascii: ".")
          && bytes[segment + 1] == UInt8(ascii: ".")
        if isUp && index > start { return true }
        segment = index + 1
      }
      index += 1
    }
    return false
  }
}
