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
    case .success(let socket):
      syslogSockets.append(socket.number)
      return .opened(socket)
    }
  }

  /// See `Kernel`.
  public mutating func writeLog(
    _ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer
  ) -> WriteResult {
    if bytes.isEmpty { return .bytes(0) }
    let number = descriptor.number
    if !syslogSockets.isEmpty && syslogSockets.contains(number) {
      return SyslogSocket.send(descriptor, bytes)
    }
    if !relays.isEmpty, let relay = relays.first(where: { $0.descriptor == descriptor }) {
      return relay.put(bytes)
    }
    let result =
      !borrowedLogs.isEmpty && borrowedLogs.contains(number)
      ? clinux_write_at_once(number, bytes.baseAddress, bytes.count)
      : clinux_write(number, bytes.baseAddress, bytes.count)
    if result >= 0 { return .bytes(result) }
    if result == -Int(EAGAIN) { return .wouldBlock }
    return .failed(failure("write", result))
  }

  /// See `Kernel`.
  public mutating func closeLog(_ descriptor: Descriptor) {
    if let index = relays.firstIndex(where: { $0.descriptor == descriptor }) {
      relays.remove(at: index).end()
      return
    }
    borrowedLogs.removeAll { $0 == descriptor.number }
    syslogSockets.removeAll { $0 == descriptor.number }
    close(descriptor)
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
      guard let limits, NetworkFileSystem.holds(file) else { return .opened(file) }
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
    case .success(let copy):
      if copy.isBorrowed { borrowedLogs.append(copy.descriptor.number) }
      return .opened(copy.descriptor)
    }
  }
}
