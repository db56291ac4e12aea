// The progress of a long read: on stderr, and only on a terminal.

import Platform
import Synchronization

/// A bar on a terminal.
final class ProgressBar: Sendable {
  private let total: Int
  private let done = Atomic<Int>(0)
  private let isShown: Bool

  private static let width = 30
  /// Less is read before anybody could look.
  private static let leastBytes = 256 << 20

  /// A bar for reading `total` bytes.
  init(total: Int) {
    self.total = total
    isShown = total >= ProgressBar.leastBytes && TerminalOutput.isTerminal(2)
  }

  /// Notes that so many more bytes have been read.
  func add(_ bytes: Int) {
    guard isShown else { return }
    let (before, after) = done.add(bytes, ordering: .relaxed)
    let percent = min(100, after * 100 / total)
    guard percent != before * 100 / total else { return }
    let filled = percent * ProgressBar.width / 100
    let bar =
      String(repeating: "#", count: filled)
      + String(repeating: ".", count: ProgressBar.width - filled)
    ProcessControl.print("\r[\(bar)] \(percent) %", to: 2)
  }

  /// Wipes the bar away.
  func finish() {
    if isShown { ProcessControl.print("\r\u{1B}[K", to: 2) }
  }
}
