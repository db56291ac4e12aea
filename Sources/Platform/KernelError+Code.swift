// What the numbers of the system mean here: one table, used by every call.

import Basics
import CLinux

extension KernelError {
  /// The error of an errno. Never inlined: whoever asks is off the fast path already.
  @inline(never) public init(code: Int32) {
    self.init(kind: Self.kind(of: code), code: code)
  }

  /// The error of a result in the kernel's convention, a negated errno.
  @inline(never) public init(result: Int) {
    self.init(code: Int32(truncatingIfNeeded: -result))
  }

  /// What the system says about it, in lower case and without a full stop: `connection refused`.
  /// Allocates; for messages that are not written per request.
  public func describe() -> String {
    // "Illegal seek" tells nobody what is wrong with the path (see `SpecialFile`).
    if code == ESPIPE { return "is a FIFO or a device, not a file" }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.longestText) { memory in
      var writer = ByteWriter(memory)
      append(to: &writer)
      return String(decoding: memory[..<writer.count], as: UTF8.self)
    }
  }

  /// Writes what the system says about it, as `describe` does. Does not allocate.
  public func append(to writer: inout ByteWriter) {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Self.longestText) { memory in
      clinux_error_text(code, memory.baseAddress, memory.count)
      // An acronym ("RFS specific error") keeps its capitals.
      let isAcronym = Self.isCapital(memory[1]) || memory[1] == 0
      for (index, character) in memory.enumerated() {
        if character == 0 { break }
        let lowers = index == 0 && !isAcronym && Self.isCapital(character)
        writer.append(UInt8(bitPattern: character) | (lowers ? 0x20 : 0))
      }
    }
  }

  /// Bytes of the longest text, with its end.
  private static let longestText = 128

  private static func isCapital(_ character: CChar) -> Bool {
    (CChar(65)...CChar(90)).contains(character)
  }

  /// True when a pipe has no reader any more.
  public var isClosedPipe: Bool { code == EPIPE }

  private static func kind(of code: Int32) -> Kind {
    switch code {
    // ENOENT, and EAGAIN (the backlog is full), come from connecting to a unix socket.
    case ECONNREFUSED, ENOENT, EAGAIN: .refused
    case ECONNRESET, EPIPE, ECONNABORTED, ENOTCONN: .reset
    case ETIMEDOUT: .timedOut
    case EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL, ENETDOWN, EHOSTDOWN, ENONET, EACCES, EPERM:
      .unreachable
    case EMFILE, ENFILE, ENOBUFS, ENOMEM: .exhausted
    case ENOSPC, EDQUOT, EFBIG: .noSpace
    default: .other
    }
  }
}

/// Ends the process: `call` was given a descriptor or memory that it can't have been given by
/// right. Going on would serve one client with another one's socket.
@inline(never) @usableFromInline func misuse(_ call: StaticString, _ code: Int32) -> Never {
  fatalError("\(call): \(KernelError(code: code).describe()) (a bug in Waybill)")
}

/// Whether an errno can only come from a bug of ours.
@inline(never) @usableFromInline func isMisuse(_ code: Int32) -> Bool {
  code == EBADF || code == EFAULT || code == ENOTSOCK
}

/// The error of a negated errno, unless it betrays a bug: then the process ends.
@inline(never) @usableFromInline func failure(_ call: StaticString, _ result: Int) -> KernelError {
  let error = KernelError(result: result)
  if isMisuse(error.code) { misuse(call, error.code) }
  return error
}
