// How the old and the new process of a binary upgrade speak with each other: short messages, each
// of which arrives whole, and the end of the stream when the other one is gone.

import CLinux
import Glibc

/// One end of the channel.
public final class HandoverChannel: Sendable {
  /// A message: what it is about, and more of it.
  public enum Word: Character, Sendable {
    /// From the new process: all is opened, it could begin.
    case ready = "R"
    /// From the new process: it can't serve, and why.
    case failed = "F"
    /// From the old process: begin. What follows are the keys of its session tickets.
    case begin = "B"
    /// From the new process: its workers run. What follows is what it serves.
    case serves = "S"
    /// From the old process: the new one is known to the service manager. The channel stays open as
    /// long as the old process finishes what runs, for questions about that.
    case replaced = "L"
    /// From the new process: a question, behind its number.
    case question = "Q"
    /// From the old process: a part of the answer, behind the question's number.
    case part = "P"
    /// From the old process: the last part of the answer, behind the question's number.
    case lastPart = "E"
  }

  /// What was received.
  public enum Message: Equatable, Sendable {
    /// A word and what follows it.
    case word(Word, [UInt8])
    /// The other end is closed, or speaks another language.
    case end
    /// Nothing came in time.
    case nothing
  }

  let descriptor: Int32
  /// Larger than any message that is sent.
  static let longestMessage = 65_536

  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { _ = clinux_close(descriptor) }

  /// Both ends of a new channel.
  public static func pair() throws(KernelError) -> (HandoverChannel, HandoverChannel) {
    var ends: [Int32] = [-1, -1]
    let result = clinux_message_pair(&ends)
    guard result == 0 else { throw KernelError(result: Int(result)) }
    return (HandoverChannel(descriptor: ends[0]), HandoverChannel(descriptor: ends[1]))
  }

  /// The number of the process that made the channel; 0 when it can't be seen from here.
  var peer: Int32 { clinux_peer_process(descriptor) }

  /// Sends a word. False when the other end is gone. A content that is too long is cut.
  @discardableResult public func send(_ word: Word, _ content: [UInt8] = []) -> Bool {
    let message = Array(String(word.rawValue).utf8) + content.prefix(Self.longestMessage - 1)
    return message.withUnsafeBytes {
      clinux_send(descriptor, $0.baseAddress!, $0.count) == $0.count
    }
  }

  /// Sends a word as soon as there is room for it, at most that long from now. False when there was
  /// none, or the other end is gone.
  func send(_ word: Word, _ content: [UInt8], withinMilliseconds time: Int) -> Bool {
    precondition(content.count < Self.longestMessage, "send: the message is too long")
    guard clinux_wait_for(descriptor, 1, Int32(clamping: time)) > 0 else { return false }
    return send(word, content)
  }

  /// The next message; waits for it at most that long, or for ever if the time is negative.
  public func receive(withinMilliseconds time: Int = 0) -> Message {
    guard clinux_wait_for(descriptor, 0, Int32(clamping: time)) > 0 else { return .nothing }
    var message = [UInt8](repeating: 0, count: Self.longestMessage)
    let count = message.withUnsafeMutableBytes {
      clinux_receive(descriptor, $0.baseAddress!, $0.count)
    }
    if count == -Int(EAGAIN) { return .nothing }
    guard count > 0, let word = Word(rawValue: Character(UnicodeScalar(message[0]))) else {
      return .end
    }
    return .word(word, Array(message[1..<count]))
  }
}
