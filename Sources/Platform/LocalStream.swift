// One end of a unix connection, for a few lines between processes of one machine.

import CLinux
import Glibc

/// A connection over a unix socket. Every wait has an end.
public struct LocalStream: ~Copyable {
  private let descriptor: Int32

  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { _ = clinux_close(descriptor) }

  /// A connection to the socket at `path`.
  public init(path: String) throws(KernelError) {
    let descriptor = try DescriptorReserve.retrying { () throws(KernelError) in
      let descriptor = clinux_socket(AF_UNIX)
      guard descriptor >= 0 else { throw KernelError(result: Int(descriptor)) }
      return descriptor
    }
    let result = Array(path.utf8).withUnsafeBytes {
      clinux_connect_local(descriptor, $0.baseAddress, $0.count)
    }
    guard result == 0 else {
      _ = clinux_close(descriptor)
      throw KernelError(result: Int(result))
    }
    self.descriptor = descriptor
  }

  /// The user at the other end, and its first group.
  var peer: (user: UInt32, group: UInt32)? {
    var user: UInt32 = 0
    var group: UInt32 = 0
    return clinux_peer_identity(descriptor, &user, &group) == 0 ? (user, group) : nil
  }

  /// The process at the other end; 0 if it is not known.
  var peerProcess: Int32 { clinux_peer_process(descriptor) }

  /// All that comes until the other end closes; nil when that takes too long or is more than
  /// `limit`.
  public func everything(limit: Int, withinMilliseconds time: Int) -> [UInt8]? {
    var all: [UInt8] = []
    var isOver = false
    _ = receive(limit: limit, time) { bytes in
      all += bytes
      isOver = bytes.isEmpty
      return isOver
    }
    return isOver ? all : nil
  }

  /// Hands what comes to `body` until that returns true; it gets nothing at the end of the stream.
  /// False when it never did.
  private func receive(limit: Int, _ time: Int, _ body: ([UInt8]) -> Bool) -> Bool {
    let deadline = MachineTime.milliseconds + time
    var left = limit
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while left > 0, isReady(deadline, writes: false) {
      let count = buffer.withUnsafeMutableBytes {
        clinux_read(descriptor, $0.baseAddress, $0.count)
      }
      if count == -Int(EAGAIN) { continue }
      // What the other end has not read does not spoil what it has written.
      let isOver = count == 0 || count == -Int(ECONNRESET)
      guard count >= 0 || isOver else { return false }
      if body(Array(buffer[..<max(0, count)])) { return true }
      if isOver { return false }
      left -= count
    }
    return false
  }

  /// Writes all of `bytes`; false when the other end does not take them in time.
  public func write(_ bytes: [UInt8], withinMilliseconds time: Int) -> Bool {
    let deadline = MachineTime.milliseconds + time
    var rest = bytes[...]
    while !rest.isEmpty {
      guard isReady(deadline, writes: true) else { return false }
      let count = rest.withUnsafeBytes { clinux_send(descriptor, $0.baseAddress!, $0.count) }
      if count == -Int(EAGAIN) { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  private func isReady(_ deadline: Int, writes: Bool) -> Bool {
    let left = deadline - MachineTime.milliseconds
    return left > 0 && clinux_wait_for(descriptor, writes ? 1 : 0, Int32(clamping: left)) > 0
  }
}
