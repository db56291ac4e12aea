import Basics
import Policy

/// A line of the error log and what it is about, as text (times are UTC):
///
///     LEVEL YYYY-MM-DD HH:MM:SS.uuuuuu module [req-ID] *CONNECTION message, peer ADDRESS, try N
///
/// or as a JSON object. The message is appended by the caller between `begin` and `end`; what came
/// from outside goes through `appendEscaped`.
public struct ErrorLogLine: ~Copyable {
  /// How bad it is.
  public var level: LogLevel
  /// Microseconds since 1970-01-01 UTC.
  public var clock: UInt64
  /// The part of the program that speaks.
  public var module: StaticString
  /// The request that it is about; empty for none. Then the tag is `[conn-NUMBER]`.
  public var requestID = RequestID()
  /// The client's connection; 0 for none. Without a request either, there is no tag.
  public var connection: UInt64 = 0
  /// The peer that the request was sent to last; empty for none.
  public var peer = FrozenBytes.empty
  /// The number of the try, from 1.
  public var tryNumber = 0

  /// A line that is about nothing in particular.
  public init(level: LogLevel, clock: UInt64, module: StaticString) {
    self.level = level
    self.clock = clock
    self.module = module
  }

  /// Writes all that stands before the message.
  public func begin(into writer: inout ByteWriter) {
    writer.append(level.name)
    writer.append(" ")
    Timestamp(microseconds: clock).writeVerbose(into: &writer)
    writer.append(" ")
    writer.append(module)
    writer.append(" ")
    if !requestID.isEmpty || connection != 0 {
      writer.appendTag(requestID: requestID.span, connection: connection)
      writer.append(" ")
    }
    if !requestID.isEmpty && connection != 0 {
      writer.append("*")
      writer.append(decimal: connection)
      writer.append(" ")
    }
  }

  /// Writes what stands behind the message, and the line end.
  public func end(into writer: inout ByteWriter) {
    if tryNumber > 0 {
      writer.append(", peer ")
      writer.appendEscaped(peer.span, .standard)
      writer.append(", try ")
      writer.append(decimal: UInt64(tryNumber))
    }
    writer.append(UInt8(ascii: "\n"))
  }

  /// Writes the line as a JSON object; members that are about nothing are left out.
  public func writeJSON(_ message: Span<UInt8>, into writer: inout ByteWriter) {
    writer.append("{\"time\":\"")
    Timestamp(microseconds: clock).writeRFC3339(into: &writer)
    writer.append("\",\"level\":\"")
    writer.append(level.name)
    writer.append("\",\"module\":\"")
    writer.append(module)
    writer.append("\"")
    if !requestID.isEmpty { writeMember("request_id", requestID.span, into: &writer) }
    if connection != 0 { writeMember("connection", connection, into: &writer) }
    if tryNumber > 0 {
      writeMember("upstream", peer.span, into: &writer)
      writeMember("try", UInt64(tryNumber), into: &writer)
    }
    writeMember("message", message, into: &writer)
    writer.append("}\n")
  }

  private func writeMember(
    _ name: StaticString, _ value: Span<UInt8>, into writer: inout ByteWriter
  ) {
    writeName(name, into: &writer)
    writer.append("\"")
    writer.appendEscaped(value, .json)
    writer.append("\"")
  }

  private func writeMember(
    _ name: StaticString, _ value: UInt64, into writer: inout ByteWriter
  ) {
    writeName(name, into: &writer)
    writer.append(decimal: value)
  }

  private func writeName(_ name: StaticString, into writer: inout ByteWriter) {
    writer.append(",\"")
    writer.append(name)
    writer.append("\":")
  }
}
