import Basics

/// What stands before a line that goes to a syslog server as a message of its own.
///
/// By default as nginx writes it, in the older form (RFC 3164, times are local):
///
///     <190>Nov 23 04:59:33 host tag: message
///
/// or in the newer one (RFC 5424, times are UTC with microseconds):
///
///     <190>1 2026-11-23T04:59:33.123456Z host tag 4711 - - message
public struct SyslogHeader: Sendable, BitwiseCopyable {
  /// The sender's part of the system, 0 to 23.
  public var facility: UInt8 = 23
  /// The severity of lines that have no level of their own, 0 to 7.
  public var severity: UInt8 = 6
  /// The newer form.
  public var isRFC5424 = false
  /// The machine's name; empty for `nohostname`.
  public var host = FrozenBytes.empty
  /// The program's name.
  public var tag = FrozenBytes.empty

  /// nginx's defaults: facility local7, severity info, the older form.
  public init() {}

  /// The severity of a level: the same eight, counted from the other end.
  public static func severity(of level: LogLevel) -> UInt8 { 7 - level.rawValue }

  /// Writes what stands before a line for the journal, which reads it from a stream
  /// (sd-daemon(3)).
  public static func writePriority(_ severity: UInt8, into writer: inout ByteWriter) {
    writer.append("<")
    writer.append(decimal: UInt64(severity))
    writer.append(">")
  }

  /// Writes the header of a message.
  public func write(
    severity: UInt8, at time: Timestamp, processID: UInt32, into writer: inout ByteWriter
  ) {
    writer.append("<")
    writer.append(decimal: UInt64(facility) &* 8 &+ UInt64(severity))
    writer.append(isRFC5424 ? ">1 " : ">")
    if isRFC5424 {
      time.writeRFC3339(into: &writer)
      writer.append(" ")
      writeName(host.isEmpty ? nil : host, into: &writer)
      writeName(tag, into: &writer)
      writer.append(decimal: UInt64(processID))
      writer.append(" - - ")
    } else {
      time.writeSyslog(into: &writer)
      writer.append(" ")
      if !host.isEmpty { writeName(host, into: &writer) }
      writer.append(tag.span)
      writer.append(": ")
    }
  }

  private func writeName(_ name: FrozenBytes?, into writer: inout ByteWriter) {
    if let name { writer.append(name.span) } else { writer.append("-") }
    writer.append(" ")
  }
}
