// Connections: how they begin, carry bytes, and end.

import Basics
import CLinux
import HTTP

extension LinuxKernel {
  // MARK: Beginning

  /// See `Kernel`. Nothing but what was inherited from the listener (TCP_NODELAY) is set: one
  /// system call for each connection.
  public mutating func accept(_ listener: Descriptor) -> AcceptResult {
    guard DescriptorReserve.hasRoom else { return .exhausted(KernelError(code: EMFILE)) }
    var peer = clinux_address()
    let result = clinux_accept(listener.number, &peer)
    guard result < 0 else {
      return .connection(Descriptor(number: result), peer: PeerAddress(system: peer))
    }
    switch -result {
    case EAGAIN:
      return .wouldBlock
    // accept(2): errors that are already pending on the new connection are handed out here.
    case ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
      ENETUNREACH, ETIMEDOUT, EPERM:
      return .aborted
    case EINVAL:
      misuse("accept4", EINVAL)
    default:
      return .exhausted(failure("accept4", Int(result)))
    }
  }

  /// See `Kernel`.
  public mutating func localAddress(_ descriptor: Descriptor) -> PeerAddress {
    var address = clinux_address()
    let result = clinux_local_address(descriptor.number, &address)
    if result < 0 { _ = failure("getsockname", Int(result)) }
    return PeerAddress(system: address)
  }

  /// See `Kernel`. A TCP connection gets TCP_NODELAY: requests are written whole, and waiting to
  /// fill a segment would only delay them.
  public mutating func connect(to address: PeerAddress, unixPath: FrozenBytes) -> ConnectResult {
    var target = unixPath.isEmpty ? address.system : PeerAddress.unix.system
    let socket = clinux_socket(Int32(target.family))
    guard socket >= 0 else { return .failed(KernelError(result: Int(socket))) }
    guard DescriptorReserve.permits(socket) else {
      _ = clinux_close(socket)
      return .failed(KernelError(code: EMFILE))
    }
    let result: Int32
    if unixPath.isEmpty {
      _ = clinux_set_option(socket, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
      result = clinux_connect(socket, &target)
    } else {
      result = unixPath.span.withUnsafeBytes {
        clinux_connect_local(socket, $0.baseAddress, $0.count)
      }
    }
    return outcome(ofConnecting: socket, result)
  }

  private func outcome(ofConnecting socket: Int32, _ result: Int32) -> ConnectResult {
    switch -result {
    case 0: return .connected(Descriptor(number: socket))
    case EINPROGRESS, EINTR: return .inProgress(Descriptor(number: socket))
    default:
      _ = clinux_close(socket)
      return .failed(failure("connect", Int(result)))
    }
  }

  /// See `Kernel`.
  public mutating func pendingError(_ descriptor: Descriptor) -> KernelError? {
    let code = clinux_get_option(descriptor.number, SOL_SOCKET, SO_ERROR)
    if code == 0 { return nil }
    return code < 0 ? failure("getsockopt", Int(code)) : KernelError(code: code)
  }

  // MARK: Bytes

  /// See `Kernel`. `buffer` must have room: reading nothing would look like the end.
  @inlinable public mutating func read(
    _ descriptor: Descriptor, into buffer: UnsafeMutableRawBufferPointer
  ) -> ReadResult {
    precondition(buffer.count > 0, "read without room")
    let result = clinux_receive(descriptor.number, buffer.baseAddress, buffer.count)
    if result > 0 { return .bytes(result) }
    if result == 0 { return .end }
    if result == -Int(EAGAIN) { return .wouldBlock }
    return .failed(failure("recv", result))
  }

  /// See `Kernel`.
  @inlinable public mutating func write(
    _ descriptor: Descriptor, _ parts: WriteParts
  ) -> WriteResult {
    let count = parts.count
    if count == 0 { return .bytes(0) }
    let result =
      count == parts.first.count
      ? clinux_send(descriptor.number, parts.first.baseAddress, count)
      : sendPieces(descriptor, parts)
    if result >= 0 { return .bytes(result) }
    if result == -Int(EAGAIN) { return .wouldBlock }
    return .failed(failure("send", result))
  }

  @inlinable func sendPieces(_ descriptor: Descriptor, _ parts: WriteParts) -> Int {
    withUnsafeTemporaryAllocation(of: iovec.self, capacity: 3) { pieces in
      pieces[0] = Self.piece(parts.first)
      pieces[1] = Self.piece(parts.second)
      pieces[2] = Self.piece(parts.third)
      return clinux_send_pieces(descriptor.number, pieces.baseAddress, 3)
    }
  }

  @inlinable static func piece(_ part: UnsafeRawBufferPointer) -> iovec {
    iovec(iov_base: UnsafeMutableRawPointer(mutating: part.baseAddress), iov_len: part.count)
  }

  /// See `Kernel`. Also right after the connection was reset.
  public mutating func unacknowledgedBytes(_ descriptor: Descriptor) -> Int {
    let socket = descriptor.number
    let protocolNumber = clinux_get_option(socket, SOL_SOCKET, SO_PROTOCOL)
    if protocolNumber < 0 { _ = failure("getsockopt", Int(protocolNumber)) }
    // A unix socket would answer with the memory in use, which is something else.
    guard protocolNumber == Int32(IPPROTO_TCP) else { return 0 }
    let count = Int(clinux_unacknowledged(socket))
    guard count > 0 else { return 0 }
    // The FIN takes a place in the sequence of bytes, but it is none.
    switch clinux_tcp_state(socket) {
    case Int32(TCP_FIN_WAIT1), Int32(TCP_CLOSING), Int32(TCP_LAST_ACK): return count - 1
    default: return count
    }
  }

  // MARK: Ending

  /// See `Kernel`.
  public mutating func shutdownWriting(_ descriptor: Descriptor) {
    let result = clinux_shutdown_writing(descriptor.number)
    // Whatever else went wrong, the connection is over, and the next read says so.
    if result < 0 { _ = failure("shutdown", Int(result)) }
  }

  /// See `Kernel`.
  public mutating func close(_ descriptor: Descriptor) {
    // Workers share a unix listener through descriptors of their own. Closing one of these does not
    // end its being watched, as the open file lives on. Listeners are opened before anything else,
    // so numbers above theirs need not be asked about.
    if descriptor.number <= lastListener { unwatch(descriptor) }
    let result = clinux_close(descriptor.number)
    if result == -EBADF { misuse("close", EBADF) }
  }

  /// See `Kernel`. What was not sent yet is dropped.
  public mutating func reset(_ descriptor: Descriptor) {
    let result = clinux_reset_on_close(descriptor.number)
    if result < 0 { _ = failure("setsockopt", Int(result)) }
    close(descriptor)
  }
}
