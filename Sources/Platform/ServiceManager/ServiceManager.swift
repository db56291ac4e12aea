// What whoever started this process as a service is told: systemd, or anything else that speaks
// sd_notify(3).

import CLinux
import Glibc

/// Messages to the service manager. Without one they go nowhere.
public struct ServiceManager: Sendable {
  private let socket: Descriptor?
  /// How often the manager wants a sign of life, in milliseconds; nil when it wants none.
  public let watchdogMilliseconds: Int?

  /// The manager that `NOTIFY_SOCKET` names, and the patience that `WATCHDOG_USEC` does.
  public init() {
    socket = EnvironmentVariable.value("NOTIFY_SOCKET").flatMap(Self.open)
    let isOurs = EnvironmentVariable.number("WATCHDOG_PID").map { $0 == getpid() } ?? true
    let microseconds = EnvironmentVariable.number("WATCHDOG_USEC")
    watchdogMilliseconds = isOurs ? microseconds.map { max(1, $0 / 1000) } : nil
  }

  /// A manager that nobody is.
  private init(socket: Descriptor?) {
    self.socket = socket
    watchdogMilliseconds = nil
  }

  /// None: what it is told goes nowhere, and it waits for no signs of life.
  public static var none: ServiceManager { ServiceManager(socket: nil) }

  /// Serving begins, or goes on after a reload or in another process; `status` is what `systemctl
  /// status` shows.
  public func ready(_ status: String, process: Int32 = getpid()) {
    tell("READY=1\nMAINPID=\(process)\nSTATUS=\(status)")
  }

  /// A reload begins. `ready` ends it.
  public func reloading() {
    tell("RELOADING=1\nMONOTONIC_USEC=\(clinux_monotonic_nanoseconds() / 1000)")
  }

  /// The end begins.
  public func stopping(_ status: String) { tell("STOPPING=1\nSTATUS=\(status)") }

  /// All is alive.
  public func feedWatchdog() { tell("WATCHDOG=1") }

  private func tell(_ message: String) {
    guard let socket else { return }
    // A manager that does not listen must not hold anything up: the socket does not block.
    _ = Array(message.utf8).withUnsafeBytes {
      clinux_send(socket.number, $0.baseAddress, $0.count)
    }
  }

  /// A path, or a name in the abstract space behind `@`.
  private static func open(_ address: String) -> Descriptor? {
    guard address.hasPrefix("/") || address.hasPrefix("@") else { return nil }
    var name = Array(address.utf8)
    if name[0] == UInt8(ascii: "@") { name[0] = 0 }
    let socket = clinux_datagram_socket(AF_UNIX)
    guard socket >= 0 else { return nil }
    let result = name.withUnsafeBytes { clinux_connect_local(socket, $0.baseAddress, $0.count) }
    if result == 0 { return Descriptor(number: socket) }
    _ = clinux_close(socket)
    return nil
  }
}
