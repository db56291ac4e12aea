// The old process of a binary upgrade, as the new one sees it.

import CLinux
import Glibc

/// The process whose place this one is to take.
public struct Predecessor: Sendable {
  /// The way to speak with it.
  public let channel: HandoverChannel
  /// What it has passed on.
  let descriptors: [PassedDescriptor]
  /// Those that it has itself replaced and that have not ended, the oldest first.
  public var formerProcesses: [FormerProcess] = []

  /// The predecessor that the environment names; nil for a process that was started in any other
  /// way. What it has passed on is not passed on to others from here on.
  public static func take() -> Predecessor? {
    defer { unsetenv(Successor.variable) }
    guard let told = EnvironmentVariable.value(Successor.variable) else { return nil }
    let words = told.split(separator: ":", omittingEmptySubsequences: false)
    guard let first = words.first, let number = Int32(first), isChannel(number) else { return nil }
    let descriptors = words.dropFirst().compactMap { PassedDescriptor($0) }
    for one in [number] + descriptors.map(\.descriptor.number) {
      _ = fcntl(one, F_SETFD, FD_CLOEXEC)
    }
    return Predecessor(
      channel: HandoverChannel(descriptor: number),
      descriptors: descriptors.filter { !$0.isFormerProcess },
      formerProcesses: descriptors.filter { $0.isFormerProcess }.map {
        FormerProcess(HandoverChannel(descriptor: $0.descriptor.number))
      })
  }

  private static func isChannel(_ number: Int32) -> Bool {
    var type: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &size) == 0
      && type == Int32(SOCK_SEQPACKET.rawValue)
  }
}
