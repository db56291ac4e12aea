// Those who ask by the control socket, all on one thread: nobody waits for another one who is slow
// to ask or to read.

import CLinux
import Glibc

/// What those who ask are given, in numbers.
public struct ControlLimits: Sendable {
  /// Connections at a time.
  public var connections: Int
  /// Bytes of a question.
  public var questionBytes: Int
  /// Milliseconds that somebody may take to ask.
  public var askingTime: Int
  /// Milliseconds that somebody may take to read the answer.
  public var readingTime: Int
  /// Milliseconds that somebody has to ask for sure when others want his place.
  public var undisturbedTime: Int

  /// The limits given.
  public init(
    connections: Int, questionBytes: Int, askingTime: Int, readingTime: Int, undisturbedTime: Int
  ) {
    self.connections = connections
    self.questionBytes = questionBytes
    self.askingTime = askingTime
    self.readingTime = readingTime
    self.undisturbedTime = undisturbedTime
  }
}

/// The connections of a control socket.
public struct ControlConnections: ~Copyable {
  /// What has happened; connections are known by their numbers.
  public enum Event: Equatable, Sendable {
    /// Somebody who may ask has asked.
    case question(of: Int, [UInt8])
    /// Somebody has asked who may not.
    case denied(Int)
    /// Somebody has said too little, or too much.
    case unasked(Int)
    /// The time is over.
    case nothing
    /// The socket is closed, and the last one has got his answer.
    case closed
  }

  private struct Connection {
    var number: Int
    var descriptor: Int32
    var isAdmitted: Bool
    var state = State.asks
    /// What he has said, then what he has not read yet.
    var bytes: [UInt8] = []
    var sent = 0
    var begin: Int
    var deadline: Int

    enum State { case asks, waits, reads }
  }

  private let socket: ControlSocket
  private let limits: ControlLimits
  private var connections: [Connection] = []
  private var events: [Event] = []
  private var lastNumber = 0
  private var isClosed = false
  /// When to try again to take connections, after a failure.
  private var acceptsAt = 0

  /// Nobody yet.
  public init(_ socket: ControlSocket, _ limits: ControlLimits) {
    self.socket = socket
    self.limits = limits
  }

  deinit { for connection in connections { _ = clinux_close(connection.descriptor) } }

  /// What happens next; `nothing` after that many milliseconds at the latest. Whoever is named in
  /// an event is to be answered.
  public mutating func next(withinMilliseconds time: Int? = nil) -> Event {
    let end = time.map { MachineTime.milliseconds + $0 }
    while true {
      if !events.isEmpty { return events.removeFirst() }
      if isClosed && connections.isEmpty { return .closed }
      wait(until: end)
      expire()
      if events.isEmpty, let end, MachineTime.milliseconds >= end { return .nothing }
    }
  }

  /// Gives somebody his answer, and then the end of it.
  public mutating func answer(_ number: Int, _ bytes: [UInt8]) {
    guard let index = connections.firstIndex(where: { $0.number == number }) else { return }
    connections[index].state = .reads
    connections[index].bytes = bytes
    connections[index].sent = 0
    connections[index].deadline = MachineTime.milliseconds + limits.readingTime
    write(index)
    removeEnded()
  }

  private mutating func wait(until end: Int?) {
    let now = MachineTime.milliseconds
    let makesRoom = connections.count < limits.connections
    let mayAccept = !isClosed && now >= acceptsAt && (makesRoom || victim(now) != nil)
    let watched = socket.watched
    var entries = [
      pollfd(fd: isClosed ? -1 : watched.bell, events: Int16(POLLIN), revents: 0),
      pollfd(fd: mayAccept ? watched.listener : -1, events: Int16(POLLIN), revents: 0),
    ]
    entries += connections.map { connection in
      let events = connection.state == .asks ? POLLIN : POLLOUT
      let descriptor = connection.state == .waits ? -1 : connection.descriptor
      return pollfd(fd: descriptor, events: Int16(events), revents: 0)
    }
    var times = connections.filter { $0.state != .waits }.map(\.deadline)
    if let end { times.append(end) }
    if !mayAccept && !isClosed { times.append(max(acceptsAt, now + limits.undisturbedTime)) }
    let timeout = times.min().map { Int32(clamping: max(0, $0 - now)) } ?? -1
    guard poll(&entries, nfds_t(entries.count), timeout) > 0 else { return }
    for index in connections.indices where entries[index + 2].revents != 0 {
      if connections[index].state == .asks { read(index) } else { write(index) }
    }
    removeEnded()
    if entries[0].revents != 0 { isClosed = true } else if entries[1].revents != 0 { accept() }
  }

  // MARK: Beginning

  private mutating func accept() {
    let now = MachineTime.milliseconds
    if connections.count >= limits.connections {
      guard let victim = victim(now) else { return }
      _ = clinux_close(connections.remove(at: victim).descriptor)
    }
    do throws(KernelError) {
      guard let descriptor = try socket.accept() else { return }
      lastNumber += 1
      connections.append(
        Connection(
          number: lastNumber, descriptor: descriptor, isAdmitted: socket.admits(descriptor),
          begin: now, deadline: now + limits.askingTime))
    } catch {
      // The same connection would be reported again and again.
      acceptsAt = now + 100
    }
  }

  /// Who has to go for somebody new: one who says nothing, first of all one who may not ask.
  private func victim(_ now: Int) -> Int? {
    let silent = connections.indices.filter { index in
      connections[index].state == .asks && now >= connections[index].begin + limits.undisturbedTime
    }
    return silent.first { !connections[$0].isAdmitted } ?? silent.first
  }

  // MARK: Bytes

  /// Read even from those who may not ask: closing with unread bytes would destroy the answer.
  private mutating func read(_ index: Int) {
    var buffer = [UInt8](repeating: 0, count: limits.questionBytes)
    let count = buffer.withUnsafeMutableBytes {
      clinux_read(connections[index].descriptor, $0.baseAddress, $0.count)
    }
    if count == -Int(EAGAIN) { return }
    guard count > 0 else { return end(index) }
    connections[index].bytes += buffer[..<count]
    let bytes = connections[index].bytes
    if let lineEnd = bytes.firstIndex(of: UInt8(ascii: "\n")) {
      conclude(index, Array(bytes[..<lineEnd]))
    } else if bytes.count >= limits.questionBytes {
      conclude(index, nil)
    }
  }

  private mutating func conclude(_ index: Int, _ line: [UInt8]?) {
    let connection = connections[index]
    connections[index].state = .waits
    if !connection.isAdmitted {
      events.append(.denied(connection.number))
    } else if let line {
      events.append(.question(of: connection.number, line))
    } else {
      events.append(.unasked(connection.number))
    }
  }

  private mutating func write(_ index: Int) {
    let connection = connections[index]
    let count = connection.bytes.withUnsafeBytes { bytes in
      clinux_send(
        connection.descriptor, bytes.baseAddress! + connection.sent,
        bytes.count - connection.sent)
    }
    if count == -Int(EAGAIN) { return }
    guard count > 0 else { return end(index) }
    connections[index].sent += count
    if connections[index].sent == connection.bytes.count { end(index) }
  }

  // MARK: Ending

  private mutating func expire() {
    let now = MachineTime.milliseconds
    for index in connections.indices where now >= connections[index].deadline {
      switch connections[index].state {
      case .asks: conclude(index, nil)
      case .reads: end(index)
      case .waits: break
      }
    }
    removeEnded()
  }

  private mutating func end(_ index: Int) {
    _ = clinux_close(connections[index].descriptor)
    connections[index].descriptor = -1
  }

  private mutating func removeEnded() { connections.removeAll { $0.descriptor < 0 } }
}
