// Lines for a syslog server that was not there, or took nothing, when their worker ended.

import Basics
import CLinux
import HTTP

/// What one syslog server is still to get.
final class SyslogBacklog: UnfinishedLog {
  private struct State: Sendable {
    var owed = OwedLines()
    var socket: Descriptor?
  }

  private let address: PeerAddress
  private let unixPath: String
  private let name: String
  private let state = Guarded(State())

  private static let known = Guarded<[SyslogBacklog]>([])

  private init(_ address: PeerAddress, _ path: String) {
    self.address = address
    unixPath = path
    name = "syslog:\(path.isEmpty ? address.text : path)"
  }

  /// Takes over lines for a server, if at most `limit` bytes wait for it then; returns how many
  /// bytes of whole lines it took.
  static func leave(
    address: PeerAddress, unixPath: FrozenBytes, _ lines: UnsafeRawBufferPointer, limit: Int
  ) -> Int {
    let path = unixPath.text
    let backlog = known.withLock { known in
      if let one = known.first(where: { $0.address == address && $0.unixPath == path }) {
        return one
      }
      let new = SyslogBacklog(address, path)
      known.append(new)
      return new
    }
    let taken = backlog.state.withLock { $0.owed.leave(lines, limit: limit) }
    if taken > 0 { LogFinisher.watch(backlog) }
    return taken
  }

  var isFinished: Bool { state.withLock { $0.owed.isEmpty } }

  func carryOn() -> Bool {
    state.withLock { state in
      if state.socket == nil {
        state.socket = try? SyslogSocket.open(address: address, unixPath: unixPath).get()
      }
      guard let socket = state.socket else { return false }
      var isBroken = false
      let hasProgress = state.owed.carryOn(limit: .max) { lines in
        let result = SyslogSocket.send(socket, lines)
        if case .failed = result { isBroken = true }
        return result
      }
      if isBroken || state.owed.isEmpty {
        LogFile.close(socket)
        state.socket = nil
      }
      return hasProgress
    }
  }

  func giveUp() -> LogLoss {
    state.withLock { state in
      LogLoss(name: name, lines: state.owed.lineCount, bytes: state.owed.byteCount)
    }
  }
}
