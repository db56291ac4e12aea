// How a process that got a signal tells whoever sent it what came of it. The sender listens at a
// name made of a random token, which it sends with the signal: nobody can take that name before it.
// The kernel says who is at the other end, on both sides: an answer may quote the conf file.

import CLinux
import Glibc

/// Who has sent a signal.
public struct Asker: Equatable, Sendable {
  /// The process; 0 if it is not known.
  public var process: Int32 = 0
  /// Makes the name by which it expects an answer; 0: it expects none.
  public var token: UInt64 = 0

  /// Nobody.
  public init() {}

  /// The asker given.
  public init(process: Int32, token: UInt64) {
    self.process = process
    self.token = token
  }
}

/// Answers to signals.
public struct OrderAnswer: ~Copyable, Sendable {
  /// To be sent with the signal.
  public let token: UInt64
  private let listener: Int32

  /// An answer's size, and the time that either side has for it, in milliseconds.
  private static let longestAnswer = 65_536
  private static let patience = 1_000
  /// Connections that may wait: strangers are turned away one by one.
  private static let backlog: Int32 = 128

  /// Listens for answers to this process. To be made before the signal is sent.
  public init() throws(KernelError) {
    var token: UInt64 = 0
    let isFilled = withUnsafeMutableBytes(of: &token) { buffer in
      RandomFill.fill(buffer) { clinux_random($0.baseAddress, $0.count) }
    }
    guard isFilled, token != 0 else { throw KernelError(code: EAGAIN) }
    let listener = clinux_socket(AF_UNIX)
    guard listener >= 0 else { throw KernelError(result: Int(listener)) }
    let name = Self.name(of: token)
    let result = clinux_bind_local(listener, name, name.count)
    guard result == 0, listen(listener, Self.backlog) == 0 else {
      let error = result == 0 ? KernelError(code: errno) : KernelError(result: Int(result))
      _ = clinux_close(listener)
      throw error
    }
    self.listener = listener
    self.token = token
  }

  deinit { _ = clinux_close(listener) }

  /// The answer of `process`, if it comes within that time. What others say is not listened to.
  public func next(from process: Int32, withinMilliseconds time: Int) -> String? {
    let deadline = MachineTime.milliseconds + time
    while true {
      let left = max(0, deadline - MachineTime.milliseconds)
      guard clinux_wait_for(listener, 0, Int32(clamping: left)) > 0 else { return nil }
      var peer = clinux_address()
      let descriptor = clinux_accept(listener, &peer)
      guard descriptor >= 0 else { continue }
      let isFromThere = clinux_peer_process(descriptor) == process
      let stream = LocalStream(descriptor: descriptor)
      guard isFromThere else { continue }
      let answer = stream.everything(
        limit: Self.longestAnswer, withinMilliseconds: Self.patience)
      if let answer, !answer.isEmpty { return String(decoding: answer, as: UTF8.self) }
    }
  }

  /// Sends `answer` to `asker`, if it expects one and is who it says: the process that has sent the
  /// signal, of root or of the user of this process.
  public static func send(_ answer: String, to asker: Asker) {
    guard asker.process > 0, asker.token != 0 else { return }
    let name = String(decoding: name(of: asker.token), as: UTF8.self)
    let deadline = MachineTime.milliseconds + patience
    while MachineTime.milliseconds < deadline {
      do throws(KernelError) {
        let stream = try LocalStream(path: name)
        guard stream.peerProcess == asker.process, let user = stream.peer?.user,
          user == 0 || user == geteuid()
        else { return }
        _ = stream.write(Array(answer.utf8), withinMilliseconds: patience)
        return
      } catch {
        // Strangers crowd the queue: it gets shorter.
        guard error.code == EAGAIN else { return }
        MachineTime.sleep(milliseconds: 1)
      }
    }
  }

  /// In the abstract space, where names begin with a zero byte.
  private static func name(of token: UInt64) -> [UInt8] {
    [0] + Array("waybill-answer-\(String(token, radix: 16))".utf8)
  }
}
