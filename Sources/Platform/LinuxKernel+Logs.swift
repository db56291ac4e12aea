// Log files: opened so that writing never blocks the worker.

import Basics
import CLinux
import HTTP

extension LinuxKernel {
  /// See `Kernel`. What is created has mode 0640, as log lines are nobody else's business.
  public mutating func openLog(
    path: FrozenBytes, standard: Int32, relayed: LogRelayLimits?
  ) -> OpenResult {
    guard standard == 0 else { return openStandardLog(standard) }
    return openLogFile(path.text, relayed)
  }

  /// See `Kernel`.
  public mutating func openSyslog(address: PeerAddress, unixPath: FrozenBytes) -> OpenResult {
    switch SyslogSocket.open(address: address, unixPath: unixPath) {
    case .failure(let error): return .failed(error)
    case .success(let socket): return .opened(socket)
    }
  }

  /// See `Kernel`.
  public mutating func writeLog(
    _ descriptor: Descriptor, _ lines: UnsafeRawBufferPointer
  ) -> WriteResult {
    if lines.isEmpty { return .bytes(0) }
    if let result = logs.append(lines, to: descriptor.number) { return result }
    if let relay = relay(descriptor) { return relay.put(lines) }
    return SyslogSocket.send(descriptor, lines)
  }

  /// See `Kernel`.
  public mutating func isLogTorn(_ descriptor: Descriptor) -> Bool {
    logs[descriptor.number]?.log.isTorn ?? false
  }

  /// See `Kernel`.
  public mutating func leaveLog(
    _ descriptor: Descriptor, _ lines: UnsafeRawBufferPointer, limit: Int
  ) -> Int {
    if let relay = relay(descriptor) { return relay.leave(lines, limit: limit) }
    guard let (log, file) = logs[descriptor.number] else { return 0 }
    return log.leave(lines, file, limit: limit)
  }

  /// See `Kernel`.
  public mutating func leaveSyslog(
    address: PeerAddress, unixPath: FrozenBytes, _ lines: UnsafeRawBufferPointer, limit: Int
  ) -> Int {
    SyslogBacklog.leave(address: address, unixPath: unixPath, lines, limit: limit)
  }

  /// See `Kernel`.
  public mutating func closeLog(_ descriptor: Descriptor) {
    if let index = relays.firstIndex(where: { $0.descriptor == descriptor }) {
      relays.remove(at: index).end()
      return
    }
    logs.remove(descriptor.number)
    close(descriptor)
  }

  private func relay(_ descriptor: Descriptor) -> LogRelay? {
    relays.first { $0.descriptor == descriptor }
  }

  private mutating func openLogFile(_ path: String, _ limits: LogRelayLimits?) -> OpenResult {
    // Not even opening is left to the worker then: it may take as long as a write.
    if let relay = relays.first(where: { $0.path == path }) {
      relay.reopen()
      return .opened(relay.descriptor)
    }
    switch LogFile.open(path: path) {
    case .failure(let error): return .failed(error)
    case .success(let file):
      guard let limits, NetworkFileSystem.holds(file) else {
        return add(LogFile.descriptor(of: file), path, isOwn: true)
      }
      return relay(file, path, limits)
    }
  }

  private mutating func relay(
    _ file: Descriptor, _ path: String, _ limits: LogRelayLimits
  ) -> OpenResult {
    do throws(KernelError) {
      let relay = try LogRelay(path: path, file: file, limits: limits)
      relays.append(relay)
      return .opened(relay.descriptor)
    } catch {
      close(file)
      return .failed(error)
    }
  }

  private mutating func openStandardLog(_ standard: Int32) -> OpenResult {
    switch StandardStream.duplicate(standard) {
    case .failure(let error): return .failed(error)
    case .success(let copy): return add(copy, StandardStream.name(of: standard), isOwn: false)
    }
  }

  private mutating func add(_ file: LogDescriptor, _ name: String, isOwn: Bool) -> OpenResult {
    logs.add(OpenLogs.log(of: file, name: name, isOwn: isOwn), file)
    return .opened(Descriptor(number: file.number))
  }
}
