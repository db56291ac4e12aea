// How a process that got a signal tells whoever sent it what came of it. The sender listens at a
// name that is made of its own number, and the kernel says which process an answer is from. No file
// is needed, and nobody who does not listen is disturbed.

import CLinux
import Glibc

/// Answers to signals.
public struct OrderAnswer: ~Copyable, Sendable {
  private let listener: Int32

  /// An answer's size, and the time that either side has for it, in milliseconds.
  private static let longestAnswer = 65_536
  private static let patience = 1_000

  /// Listens for answers to this process. To be made before the signal is sent.
  public init() throws(KernelError) {
    let listener = clinux_socket(AF_UNIX)
    guard listener >= 0 else { throw KernelError(result: Int(listener)) }
    let name = Self.name(of: getpid())
    let result = clinux_bind_local(listener, name, name.count)
    guard result == 0, listen(listener, 4) == 0 else {
      let error = result == 0 ? KernelError(code: errno) : KernelError(result: Int(result))
      _ = clinux_close(listener)
      throw error
    }
    self.listener = listener
  }

  deinit { _ = clinux_close(listener) }

  /// The answer of `process`, if it comes within that time. What others say is not listened to.
  public func next(from process: Int32, withinMilliseconds time: Int) -> String? {
    guard clinux_wait_for(listener, 0, Int32(clamping: time)) > 0 else { return nil }
    var peer = clinux_address()
    let descriptor = clinux_accept(listener, &peer)
    guard descriptor >= 0 else { return nil }
    let isFromThere = clinux_peer_process(descriptor) == process
    let stream = LocalStream(descriptor: descriptor)
    guard isFromThere else { return nil }
    let answer = stream.everything(
      limit: Self.longestAnswer, withinMilliseconds: Self.patience)
    return answer.map { String(decoding: $0, as: UTF8.self) }
  }

  /// Sends `answer` to `process`, if it listens.
  public static func send(_ answer: String, to process: Int32) {
    guard process > 0 else { return }
    let name = String(decoding: name(of: process), as: UTF8.self)
    do throws(KernelError) {
      let stream = try LocalStream(path: name)
      _ = stream.write(Array(answer.utf8), withinMilliseconds: Self.patience)
    } catch {
      // Nobody listens: most signals are sent by those who don't.
    }
  }

  /// In the abstract space, where names begin with a zero byte.
  private static func name(of process: Int32) -> [UInt8] {
    [0] + Array("waybill-answer-\(process)".utf8)
  }
}
