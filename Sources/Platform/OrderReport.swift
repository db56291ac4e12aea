// What became of an order that was given by a signal: who sent the signal may wait for a report. It
// comes as a datagram to a name that says whose it is, so that no file and no conf is needed.

import CLinux
import Glibc

/// Reports from the process that was given an order to the one that gave it.
public enum OrderReport {
  /// Whether the order was carried out, and what there is to say about it.
  public struct Outcome: Equatable, Sendable {
    /// It was carried out.
    public var isDone: Bool
    /// Lines for the operator.
    public var text: String

    /// The outcome given.
    public init(isDone: Bool, text: String) {
      self.isDone = isDone
      self.text = text
    }
  }

  /// Bytes of a report at most; the rest of the text stands in the error log.
  private static let longest = 64 * 1024

  /// Tells `process` what became of its order, if it waits for that.
  public static func send(_ outcome: Outcome, to process: Int32) {
    let head: [UInt8] = [UInt8(ascii: outcome.isDone ? "+" : "-")]
    let bytes = (head + Array(outcome.text.utf8)).prefix(longest)
    _ = bytes.withUnsafeBytes {
      clinux_send_report(name(process), $0.baseAddress, $0.count)
    }
  }

  /// Where the report to this process comes to. Made before the signal is sent.
  public struct Inbox: ~Copyable {
    private let socket: Int32

    /// Fails when descriptors have run out, or somebody has taken the name.
    public init() throws(KernelError) {
      socket = clinux_report_socket(OrderReport.name(getpid()))
      guard socket >= 0 else { throw KernelError(result: Int(socket)) }
    }

    deinit { _ = clinux_close(socket) }

    /// The report of `process`; nil when none comes in time.
    public func outcome(from process: Int32, withinMilliseconds limit: Int) -> Outcome? {
      let deadline = MachineTime.milliseconds + limit
      var bytes = [UInt8](repeating: 0, count: OrderReport.longest)
      while true {
        let left = deadline - MachineTime.milliseconds
        guard left > 0 else { return nil }
        guard clinux_wait_for(socket, 0, Int32(clamping: left)) > 0 else { return nil }
        var sender: Int32 = 0
        let count = bytes.withUnsafeMutableBytes {
          clinux_take_report(socket, $0.baseAddress, $0.count, &sender)
        }
        guard count > 0, sender == process else { continue }
        return Outcome(
          isDone: bytes[0] == UInt8(ascii: "+"),
          text: String(decoding: bytes[1..<count], as: UTF8.self))
      }
    }
  }

  private static func name(_ process: Int32) -> String { "waybill-order-\(process)" }
}
