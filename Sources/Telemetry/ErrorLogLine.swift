import Basics

/// A line of the error log: `LEVEL YYYY-MM-DD HH:MM:SS.uuuuuu module [req-ID] *CONNECTION message`,
/// UTC.
///
/// The caller calls `begin`, appends the message (what came from outside through `appendEscaped`)
/// and calls `end`.
public enum ErrorLogLine {
  /// Writes all that stands before the message.
  ///
  /// `clock` is in microseconds since 1970-01-01 UTC; `module` is the part of the program that
  /// speaks. A line without a request (`requestID` empty) has `[conn-NUMBER]`, one without a
  /// connection either (`connection` 0) has no tag at all.
  public static func begin(
    level: LogLevel, clock: UInt64, module: StaticString, requestID: Span<UInt8>,
    connection: UInt64, into writer: inout ByteWriter
  ) {
    writer.append(level.name)
    writer.append(" ")
    Timestamp(microseconds: clock).writeVerbose(into: &writer)
    writer.append(" ")
    writer.append(module)
    writer.append(" ")
    if requestID.count > 0 || connection != 0 {
      writer.appendTag(requestID: requestID, connection: connection)
      writer.append(" ")
    }
    if requestID.count > 0 && connection != 0 {
      writer.append("*")
      writer.append(decimal: connection)
      writer.append(" ")
    }
  }

  /// Writes the line end.
  public static func end(into writer: inout ByteWriter) {
    writer.append(UInt8(ascii: "\n"))
  }
}
