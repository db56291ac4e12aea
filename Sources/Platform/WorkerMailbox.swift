// How the main thread speaks to a worker: a set of commands and a bell.

import CLinux
import Glibc
import Synchronization

/// Commands for one worker. Any thread posts; the worker's kernel wakes and takes them.
///
/// Commands are a set: one that is posted twice before the worker looks arrives once.
public final class WorkerMailbox: Sendable {
  @usableFromInline let pending = Atomic<UInt32>(0)
  /// An eventfd. Nobody reads it: watched edge-triggered, each post is an event of its own.
  let bell: Int32
  /// What the worker waits on; the bell is among it. Made here, so that a worker that has a mailbox
  /// can't fail to begin.
  let epoll: Int32

  /// A mailbox without commands. Fails when descriptors have run out.
  public init() throws(KernelError) {
    bell = clinux_wake_create()
    guard bell >= 0 else { throw KernelError(result: Int(bell)) }
    epoll = clinux_epoll_create()
    let interest = EPOLLIN.rawValue | EPOLLET.rawValue
    let added =
      epoll < 0 ? epoll : clinux_epoll_add(epoll, bell, interest, KernelEvent.wakeToken)
    guard added >= 0 else {
      _ = clinux_close(bell)
      if epoll >= 0 { _ = clinux_close(epoll) }
      throw KernelError(result: Int(added))
    }
  }

  deinit {
    _ = clinux_close(epoll)
    _ = clinux_close(bell)
  }

  /// Adds `commands` to what waits and wakes the worker.
  public func post(_ commands: WorkerCommands) {
    // Releasing, paired with `take`: the worker sees what the poster did before.
    pending.bitwiseOr(commands.rawValue, ordering: .releasing)
    // Fails only when the counter is full, and then the worker has been woken often enough.
    _ = clinux_wake_post(bell)
  }

  /// Takes all commands that wait. A look costs one load; there is no system call.
  @inlinable public func take() -> WorkerCommands {
    guard pending.load(ordering: .relaxed) != 0 else { return [] }
    return WorkerCommands(rawValue: pending.exchange(0, ordering: .acquiring))
  }

  /// True when nothing waits: the worker has taken all that was posted.
  public var isEmpty: Bool { pending.load(ordering: .relaxed) == 0 }
}
