// Log files: opened so that writing never blocks the worker.

import Basics
import CLinux
import HTTP

extension LinuxKernel {
  /// See `Kernel`. What is created has mode 0640, as log lines are nobody else's business.
  public mutating func openLog(path: FrozenBytes, standard: Int32) -> OpenResult {
    let result = standard == 0 ? openLogFile(path) : openStandardLog(standard)
    // The number may have been another log's before.
    if case .opened(let log) = result { syslogSockets.removeAll { $0 == log.number } }
    return result
  }

  /// See `Kernel`.
  public mutating func openSyslog(address: PeerAddress, unixPath: FrozenBytes) -> OpenResult {
    switch SyslogSocket.open(address: address, unixPath: unixPath) {
    case .failure(let error): return .failed(error)
    case .success(let socket):
      if !syslogSockets.contains(socket.number) { syslogSockets.append(socket.number) }
      borrowedLogs.removeAll { $0 == socket.number }
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
    let result =
      !borrowedLogs.isEmpty && borrowedLogs.contains(number)
      ? clinux_write_at_once(number, bytes.baseAddress, bytes.count)
      : clinux_write(number, bytes.baseAddress, bytes.count)
    if result >= 0 { return .bytes(result) }
    if result == -Int(EAGAIN) { return .wouldBlock }
    return .failed(failure("write", result))
  }

  private func openLogFile(_ path: FrozenBytes) -> OpenResult {
    switch LogFile.open(path: path.text) {
    case .success(let descriptor): return .opened(descriptor)
    case .failure(let error): return .failed(error)
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
