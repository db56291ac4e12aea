// A simulated kernel: one client that has sent one request, and backends that either refuse every
// connection or accept every byte. The engine runs on it as on the real one.

import Basics
import Engine
import HTTP
import Names
import Platform

/// The little that there is of a world: what happens, and what was seen.
final class RehearsalStage {
  /// Descriptors of the one client and of the connections to backends; listeners are below.
  static let client = Descriptor(number: 1_000)
  private static let firstBackend: Int32 = 2_000

  /// What the client has sent.
  var fromClient: [UInt8] = []
  /// What the backend has sent.
  var fromBackend: [UInt8] = []
  /// Whether backends take connections.
  var backendsAccept = true
  /// Whether the client takes its response.
  var clientTakes = false
  /// What is known of names, where any are looked up at run time.
  var names: NameDirectory?
  let nameMailbox = NameMailbox {}
  private var hasNews = false
  /// The worker has been told to end.
  private(set) var isStopped = false
  let peer: PeerAddress
  let listener: Int32
  /// Where the client has connected to.
  let local: PeerAddress

  private(set) var toClient: [UInt8] = []
  private(set) var toBackend: [UInt8] = []
  /// How many connections to backends were begun, in the order of `connects`.
  private(set) var connects: [String] = []

  private var isAccepted = false
  private var tokens: [Descriptor: UInt64] = [:]
  fileprivate var events: [KernelEvent] = []

  init(request: [UInt8], peer: PeerAddress, listener: Int, local: PeerAddress) {
    fromClient = request
    self.peer = peer
    self.listener = Int32(listener)
    self.local = local
  }

  /// True when the engine has nothing to react to.
  var isQuiet: Bool { events.isEmpty }

  /// Lets the backend answer, and the client take what is for it.
  func answer(_ response: [UInt8]) {
    clientTakes = true
    answerBackend(response)
  }

  /// Lets the location of `auth_request` let the request in; forgets how it was asked.
  func authorize(_ response: [UInt8]) {
    toBackend = []
    connects = []
    answerBackend(response)
  }

  private func answerBackend(_ response: [UInt8]) {
    fromBackend = response
    for (descriptor, token) in tokens where descriptor.number >= RehearsalStage.client.number {
      events.append(KernelEvent(token: token, readiness: [.readable, .writable]))
    }
  }

  /// Tells the worker to end.
  func stop() {
    isStopped = true
    events.append(KernelEvent(token: KernelEvent.wakeToken, readiness: .readable))
  }

  /// Tells the worker that there is news of names.
  func tellOfNames() {
    hasNews = true
    events.append(KernelEvent(token: KernelEvent.wakeToken, readiness: .readable))
  }

  fileprivate func takeCommands() -> WorkerCommands {
    defer { hasNews = false }
    return isStopped ? .stop : hasNews ? .names : []
  }

  fileprivate func watch(_ descriptor: Descriptor, _ token: UInt64) {
    tokens[descriptor] = token
    if descriptor.number >= RehearsalStage.client.number || descriptor.number == listener {
      events.append(KernelEvent(token: token, readiness: [.readable, .writable]))
    }
  }

  fileprivate func forget(_ descriptor: Descriptor) { tokens[descriptor] = nil }

  fileprivate func accept(_ descriptor: Descriptor) -> AcceptResult {
    guard descriptor.number == listener, !isAccepted else { return .wouldBlock }
    isAccepted = true
    return .connection(RehearsalStage.client, peer: peer)
  }

  fileprivate func connect(_ name: String) -> ConnectResult {
    connects.append(name)
    guard backendsAccept else { return .failed(KernelError(kind: .refused, code: 0)) }
    let number = RehearsalStage.firstBackend + Int32(connects.count)
    return .connected(Descriptor(number: number))
  }

  fileprivate func read(
    _ descriptor: Descriptor, into buffer: UnsafeMutableRawBufferPointer
  ) -> ReadResult {
    let isClient = descriptor == RehearsalStage.client
    let waiting = isClient ? fromClient : fromBackend
    guard !waiting.isEmpty else { return .wouldBlock }
    let count = min(waiting.count, buffer.count)
    buffer.copyBytes(from: waiting[..<count])
    if isClient { fromClient.removeFirst(count) } else { fromBackend.removeFirst(count) }
    return .bytes(count)
  }

  fileprivate func write(_ descriptor: Descriptor, _ parts: WriteParts) -> WriteResult {
    let isClient = descriptor == RehearsalStage.client
    if isClient && !clientTakes { return .wouldBlock }
    for part in [parts.first, parts.second, parts.third] {
      if isClient { toClient += part } else { toBackend += part }
    }
    return .bytes(parts.count)
  }
}

/// The kernel of a rehearsal. Time stands still; random bytes are zero, so that an ID made here is
/// recognised as an example.
struct RehearsalKernel: Kernel {
  let stage: RehearsalStage

  func now() -> Instant { Instant(nanoseconds: 1_000_000_000) }

  func wallClock() -> WallClock { WallClock(microseconds: MachineTime.now, utcOffset: 0) }

  func fillRandom(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
    for index in buffer.indices { buffer[index] = 0 }
    return true
  }

  func wait(
    into events: UnsafeMutableBufferPointer<KernelEvent>, until deadline: Instant
  ) -> Int {
    let count = min(events.count, stage.events.count)
    for index in 0..<count { events[index] = stage.events[index] }
    stage.events.removeFirst(count)
    return count
  }

  func takeCommands() -> WorkerCommands { stage.takeCommands() }

  func watch(_ descriptor: Descriptor, token: UInt64) -> KernelError? {
    stage.watch(descriptor, token)
    return nil
  }

  func watchListener(_ descriptor: Descriptor, token: UInt64) -> KernelError? {
    stage.watch(descriptor, token)
    return nil
  }

  func unwatch(_ descriptor: Descriptor) { stage.forget(descriptor) }

  func accept(_ listener: Descriptor) -> AcceptResult { stage.accept(listener) }

  func localAddress(_ descriptor: Descriptor) -> PeerAddress { stage.local }

  func connect(to address: PeerAddress, unixPath: FrozenBytes) -> ConnectResult {
    stage.connect(unixPath.isEmpty ? address.text : "unix:" + unixPath.text)
  }

  func pendingError(_ descriptor: Descriptor) -> KernelError? { nil }

  func read(_ descriptor: Descriptor, into buffer: UnsafeMutableRawBufferPointer) -> ReadResult {
    stage.read(descriptor, into: buffer)
  }

  func write(_ descriptor: Descriptor, _ parts: WriteParts) -> WriteResult {
    stage.write(descriptor, parts)
  }

  func unacknowledgedBytes(_ descriptor: Descriptor) -> Int { 0 }

  func shutdownWriting(_ descriptor: Descriptor) {}

  func close(_ descriptor: Descriptor) { stage.forget(descriptor) }

  func reset(_ descriptor: Descriptor) { stage.forget(descriptor) }

  func openTemporaryFile(in folder: FrozenBytes) -> OpenResult {
    .failed(KernelError(kind: .other, code: 0))
  }

  func writeFile(_ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer) -> WriteResult {
    preconditionFailure("writeFile: no file was opened")
  }

  // Files are looked at, for which of them is served is what somebody wants to know.

  func openFile(_ path: UnsafePointer<UInt8>, links: LinkRule) -> FileOpenResult {
    StaticFile.open(path, links: links)
  }

  func fileStatus(_ path: UnsafePointer<UInt8>, links: LinkRule) -> FileStatusResult {
    StaticFile.status(path, links: links)
  }

  func listFolder(
    _ path: UnsafePointer<UInt8>, links: LinkRule, _ body: ([UInt8], FileStatus) -> Void
  ) -> FileRefusal? {
    StaticFile.list(path, links: links, body)
  }

  func readFile(
    _ file: Descriptor, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) -> ReadResult {
    StaticFile.read(file, at: offset, into: buffer)
  }

  func sendFile(
    _ file: Descriptor, from offset: UInt64, count: Int, to socket: Descriptor
  ) -> WriteResult { .wouldBlock }

  func writeAhead(_ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer) -> WriteResult {
    stage.write(descriptor, WriteParts(bytes))
  }

  func closeFile(_ file: Descriptor) { StaticFile.close(file) }

  func openLog(path: FrozenBytes, standard: Int32, relayed: LogRelayLimits?) -> OpenResult {
    .opened(Descriptor(number: 1))
  }

  func openSyslog(address: PeerAddress, unixPath: FrozenBytes) -> OpenResult {
    .opened(Descriptor(number: 1))
  }

  func writeLog(_ descriptor: Descriptor, _ lines: UnsafeRawBufferPointer) -> WriteResult {
    .bytes(lines.count)
  }

  func isLogTorn(_ descriptor: Descriptor) -> Bool { false }

  func leaveLog(
    _ descriptor: Descriptor, _ lines: UnsafeRawBufferPointer, limit: Int
  ) -> Int { lines.count }

  func leaveSyslog(
    address: PeerAddress, unixPath: FrozenBytes, _ lines: UnsafeRawBufferPointer, limit: Int
  ) -> Int { lines.count }

  func closeLog(_ descriptor: Descriptor) {}
}
