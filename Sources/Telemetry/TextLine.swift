import Basics
import HTTP

/// The built-in text formats: lines for people at a terminal.
///
/// `verbose` is `LEVEL date time module [req-ID] message`, `simple` is `LEVEL message [req-ID]`.
/// Without an ID, `[conn-NUMBER]` stands in its place, as in the error log.
extension ExchangeRecord {
  func writeVerboseLine(
    _ head: borrowing RequestHead, _ bytes: borrowing ExchangeBytes,
    into writer: inout ByteWriter
  ) {
    writer.append(level.name)
    writer.append(UInt8(ascii: " "))
    lineTime.writeVerbose(into: &writer)
    writer.append(" access ")
    writer.appendTag(requestID: requestID.span, connection: connection)
    writer.append(UInt8(ascii: " "))
    writeMessage(head, bytes, into: &writer)
    writer.append("\n")
  }

  func writeSimpleLine(
    _ head: borrowing RequestHead, _ bytes: borrowing ExchangeBytes,
    into writer: inout ByteWriter
  ) {
    writer.append(level.name)
    writer.append(UInt8(ascii: " "))
    writeMessage(head, bytes, into: &writer)
    writer.append(UInt8(ascii: " "))
    writer.appendTag(requestID: requestID.span, connection: connection)
    writer.append("\n")
  }

  /// `GET /path HTTP/1.1 -> 200 123 bytes in 0.001234 s from 127.0.0.1:5000 via 127.0.0.1:8001`
  private func writeMessage(
    _ head: borrowing RequestHead, _ bytes: borrowing ExchangeBytes,
    into writer: inout ByteWriter
  ) {
    let line = bytes.requestLine(head, isRead: hasRequestLine)
    if line.count > 0 {
      let start = writer.count
      writer.append(line, as: .standard)
      writer.cutValue(from: start, to: Int(valueLimit), as: .standard)
    } else {
      writer.append("(no request)")
    }
    writer.append(" -> ")
    if status != 0 { writer.append(decimal: UInt64(status)) } else { writer.append("(no status)") }
    writer.append(" ")
    if event != .end {
      writer.append(event.name)
      writer.append(" ")
    }
    writer.append(decimal: contentBytesOut)
    writer.append(" bytes in ")
    writer.append(microsecondsAsSeconds: duration.microseconds)
    writer.append(" s from ")
    client.writeWithPort(into: &writer)
    writeOutcome(into: &writer)
  }

  /// The backend, and what went wrong.
  private func writeOutcome(into writer: inout ByteWriter) {
    if tryCount > 0 {
      writer.append(" via ")
      writer.append(upstream.span, as: .standard)
    }
    if tryCount > 1 {
      writer.append(" tries=")
      writer.append(decimal: UInt64(tryCount))
    }
    if isTerminated {
      writer.append(" termination=")
      writer.append(termination.partyName)
      writer.append(":")
      writer.append(termination.phaseName)
    }
    if error != .none {
      writer.append(" error=")
      writer.append(error.name)
    }
  }
}

extension ByteWriter {
  /// Appends `[req-ID]`, or `[conn-NUMBER]` when there is no ID.
  mutating func appendTag(requestID: Span<UInt8>, connection: UInt64) {
    if requestID.count > 0 {
      append("[req-")
      append(requestID, as: .standard)
    } else {
      append("[conn-")
      append(decimal: connection)
    }
    append("]")
  }
}
