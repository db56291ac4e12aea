import Basics
import HTTP
import Platform

/// The kernel that a program under test is given: a handle to its world.
///
/// Each call is counted and traced here, then done by the world. What misuse Linux answers with
/// EBADF traps, as in the real kernel's target.
public struct SimulatedKernel: Kernel {
  /// The world that does what the calls say.
  public let world: SimulatedWorld
  /// Which of the programs in the world uses it: each has its own events and commands.
  public let program: Int

  /// The kernel of `world` for one program. There may be several handles to one world.
  public init(_ world: SimulatedWorld, program: Int = 0) {
    self.world = world
    self.program = program
  }

  /// The virtual clock. It stands still but for `wait`.
  public func now() -> Instant { world.now }

  /// The virtual wall clock: the monotonic one and an offset that may jump.
  public func wallClock() -> WallClock { world.wallClock }

  /// Fills `buffer` from a sequence that the seed decides.
  public func fillRandom(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
    world.calls.randomFills += 1
    return world.fillRandom(buffer)
  }

  /// Lets the world go on until something is ready or `deadline` has come.
  public func wait(
    into events: UnsafeMutableBufferPointer<KernelEvent>, until deadline: Instant
  ) -> Int {
    world.calls.waits += 1
    let count = world.wait(into: events, until: deadline, program)
    world.record(.wait, count)
    return count
  }

  /// Takes what `SimulatedWorld.post` left.
  public func takeCommands() -> WorkerCommands { world.takeCommands(program) }

  /// Watches an end of a connection, edge-triggered.
  public func watch(_ descriptor: Descriptor, token: UInt64) -> KernelError? {
    world.calls.watches += 1
    world.record(.watch, Int(descriptor.number))
    return world.watch(descriptor, token: token, program)
  }

  /// Watches a listening socket, level-triggered.
  public func watchListener(_ descriptor: Descriptor, token: UInt64) -> KernelError? {
    world.calls.watches += 1
    world.record(.watch, Int(descriptor.number))
    return world.watchListener(descriptor, token: token, program)
  }

  /// Ends the reports.
  public func unwatch(_ descriptor: Descriptor) {
    world.record(.unwatch, Int(descriptor.number))
    world.unwatch(descriptor)
  }

  /// Takes the connection that waits longest.
  public func accept(_ listener: Descriptor) -> AcceptResult {
    world.calls.accepts += 1
    let result = world.accept(listener)
    world.record(.accept, Int(listener.number), result.traceValue)
    return result
  }

  /// The address of the listener, or 127.0.0.1 and a port of their own for connections made.
  public func localAddress(_ descriptor: Descriptor) -> PeerAddress {
    world.localAddress(descriptor)
  }

  /// Begins a connection to a backend of the world.
  public func connect(to address: PeerAddress, unixPath: FrozenBytes) -> ConnectResult {
    world.calls.connects += 1
    let path = unixPath.indices.map { unixPath[$0] }
    let location =
      path.isEmpty ? Location.network(address) : .unix(String(decoding: path, as: UTF8.self))
    let result = world.connect(to: location)
    world.record(.connect, result.traceValue)
    return result
  }

  /// Takes the error that is pending.
  public func pendingError(_ descriptor: Descriptor) -> KernelError? {
    world.takeError(descriptor)
  }

  /// Reads what was delivered.
  public func read(
    _ descriptor: Descriptor, into buffer: UnsafeMutableRawBufferPointer
  ) -> ReadResult {
    world.calls.reads += 1
    let result = world.read(descriptor, into: buffer)
    world.record(.read, Int(descriptor.number), result.traceValue)
    if case .bytes(let count) = result { world.calls.bytesRead += count }
    return result
  }

  /// Writes what there is room for.
  public func write(_ descriptor: Descriptor, _ parts: WriteParts) -> WriteResult {
    world.calls.writes += 1
    let result = world.write(descriptor, parts)
    world.record(.write, Int(descriptor.number), result.traceValue)
    if case .bytes(let count) = result { world.calls.bytesWritten += count }
    return result
  }

  /// Bytes written and not delivered; 0 for unix sockets.
  public func unacknowledgedBytes(_ descriptor: Descriptor) -> Int {
    world.unacknowledgedBytes(descriptor)
  }

  /// Sends an end of stream behind what is under way.
  public func shutdownWriting(_ descriptor: Descriptor) {
    world.calls.shutdowns += 1
    world.record(.shutdown, Int(descriptor.number))
    world.shutdownWriting(descriptor)
  }

  /// Closes; with bytes unread, that resets the connection, as on Linux.
  public func close(_ descriptor: Descriptor) {
    world.calls.closes += 1
    world.record(.close, Int(descriptor.number))
    world.close(descriptor)
  }

  /// Closes so that the peer sees a reset; what is under way is lost.
  public func reset(_ descriptor: Descriptor) {
    world.calls.closes += 1
    world.record(.close, Int(descriptor.number), 1)
    world.reset(descriptor)
  }

  /// Makes an unnamed file on the simulated disk.
  public func openTemporaryFile(in folder: FrozenBytes) -> OpenResult {
    let path = folder.indices.map { folder[$0] }
    return world.openTemporaryFile(in: String(decoding: path, as: UTF8.self))
  }

  /// Appends to an unnamed file.
  public func writeFile(_ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer) -> WriteResult {
    world.writeFile(descriptor, bytes)
  }

  /// Opens a file that `SimulatedWorld.store` has put there.
  public func openFile(_ path: UnsafePointer<UInt8>, links: LinkRule) -> FileOpenResult {
    world.calls.fileOpens += 1
    return world.openFile(String(cString: path), links)
  }

  /// What a path of the simulated disk names.
  public func fileStatus(_ path: UnsafePointer<UInt8>, links: LinkRule) -> FileStatusResult {
    world.calls.fileLooks += 1
    return world.fileStatus(String(cString: path), links)
  }

  /// What lies in a folder of the simulated disk.
  public func listFolder(
    _ path: UnsafePointer<UInt8>, links: LinkRule, _ body: ([UInt8], FileStatus) -> Void
  ) -> FileRefusal? {
    world.listFolder(String(cString: path), body)
  }

  /// Reads from a file of the simulated disk, named or not.
  public func readFile(
    _ file: Descriptor, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) -> ReadResult {
    let content = world.content(of: file, from: offset, count: buffer.count, "readFile")
    buffer.copyBytes(from: content)
    return content.isEmpty ? .end : .bytes(content.count)
  }

  /// Writes what there is room for, of a file.
  public func sendFile(
    _ file: Descriptor, from offset: UInt64, count: Int, to socket: Descriptor
  ) -> WriteResult {
    let content = world.content(of: file, from: offset, count: count, "sendFile")
    if content.isEmpty { return .bytes(0) }
    return content.withUnsafeBytes { write(socket, WriteParts($0)) }
  }

  /// Writes; the simulated network knows no packets.
  public func writeAhead(
    _ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer
  ) -> WriteResult {
    write(descriptor, WriteParts(bytes))
  }

  /// Closes a file.
  public func closeFile(_ file: Descriptor) { world.close(file) }

  /// Opens a log of the simulated disk.
  public func openLog(
    path: FrozenBytes, standard: Int32, relayed: LogRelayLimits?
  ) -> OpenResult {
    world.calls.logOpens += 1
    let bytes = path.indices.map { path[$0] }
    return world.openLog(path: String(decoding: bytes, as: UTF8.self), standard: standard)
  }

  /// Opens the log that stands for a syslog server: `syslog:` and its path or address.
  public func openSyslog(address: PeerAddress, unixPath: FrozenBytes) -> OpenResult {
    world.calls.logOpens += 1
    let path = unixPath.indices.map { unixPath[$0] }
    let name = unixPath.isEmpty ? "\(address)" : String(decoding: path, as: UTF8.self)
    return world.openLog(path: "syslog:\(name)", standard: 0)
  }

  /// True when the file of the simulated disk ends in the middle of a line.
  public func isLogTorn(_ descriptor: Descriptor) -> Bool { world.isLogTorn(descriptor) }

  /// Leaves lines to the world, which writes them as soon as it can.
  public func leaveLog(
    _ descriptor: Descriptor, _ lines: UnsafeRawBufferPointer, limit: Int
  ) -> Int {
    world.leaveLog(descriptor, lines, limit: limit)
  }

  /// The same for the log that stands for a syslog server.
  public func leaveSyslog(
    address: PeerAddress, unixPath: FrozenBytes, _ lines: UnsafeRawBufferPointer, limit: Int
  ) -> Int {
    let path = unixPath.indices.map { unixPath[$0] }
    let name = unixPath.isEmpty ? "\(address)" : String(decoding: path, as: UTF8.self)
    return world.leaveLog(number: world.disk.number(of: "syslog:\(name)"), lines, limit: limit)
  }

  /// Appends to a log of the simulated disk.
  public func writeLog(_ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer) -> WriteResult {
    world.calls.logWrites += 1
    let result = world.writeLog(descriptor, bytes)
    world.record(.writeLog, Int(descriptor.number), result.traceValue)
    return result
  }

  /// Closes a log.
  public func closeLog(_ descriptor: Descriptor) { close(descriptor) }
}
