// Everything known about one request, in progress or failed.

import LogReading
import Platform

/// The view of `waybill requests ID` and `waybill errors ID`.
enum RequestDetail {
  /// The members that are shown, and how they are called, in their order.
  private static let members: [(name: String, title: String)] = [
    ("time", "time"), ("id_source", "ID source"), ("client_request_id", "client's ID"),
    ("upstream_request_id", "backend's ID"), ("client", "client"), ("method", "method"),
    ("host", "host"), ("uri", "URI"), ("protocol", "protocol"), ("user_agent", "user agent"),
    ("referer", "referer"), ("status", "status"), ("phase", "phase"), ("error", "error"),
    ("termination", "ended by"), ("upstream", "upstream"), ("upstream_status", "its status"),
  ]

  /// The lines.
  static func render(_ row: LineMembers) -> [UInt8] {
    var text = StyledText(isColoured: TerminalOutput.isColoured)
    text.append("Request ")
    text.append(safely: row.bytes("request_id"), .bold)
    text.append("\n")
    for member in members where row.contains(member.name) {
      let word = row.number(member.name).map { Array(String($0).utf8) }
      line(member.title, word ?? row.bytes(member.name), &text)
    }
    writeReason(row, &text)
    writeNumbers(row, &text)
    writeTries(row, &text)
    writeHistory(row, &text)
    writeHead(row, &text)
    return TextWrap.fold(text.bytes, width: TerminalOutput.columns, indent: 16)
  }

  /// What the error and the termination mean.
  private static func writeReason(_ row: LineMembers, _ text: inout StyledText) {
    let reason = Reason.of(
      error: row.text("error"), termination: row.text("termination"),
      status: UInt16(clamping: row.number("status") ?? 0))
    if let reason { line("why", reason.sentences, &text) }
  }

  private static func line(_ title: String, _ value: [UInt8], _ text: inout StyledText) {
    text.append("  ")
    text.append(safely: title.utf8, .faint, width: 14)
    text.append(safely: value)
    text.append("\n")
  }

  private static func line(_ title: String, _ value: String, _ text: inout StyledText) {
    line(title, Array(value.utf8), &text)
  }

  private static func writeNumbers(_ row: LineMembers, _ text: inout StyledText) {
    line(row.contains("phase") ? "age" : "duration", TimeText.duration(row.age), &text)
    let bytes = (row.number("bytes_in") ?? 0, row.number("bytes_out") ?? 0)
    line("content", "\(bytes.0) bytes in, \(bytes.1) bytes out", &text)
    if let number = row.number("connection") {
      line("connection", "*\(number), request \(row.number("connection_request") ?? 0)", &text)
    }
    if let process = row.number("process") {
      line("process", "\(process), which an upgrade has replaced", &text)
    }
    if let left = row.microseconds("timeout_in") {
      line("timeout", "\(row.text("timeout")) in \(TimeText.duration(left))", &text)
    }
  }

  private static func writeTries(_ row: LineMembers, _ text: inout StyledText) {
    for (index, one) in row.objects("tries").enumerated() {
      let status = one.number("status").map { "\($0)" } ?? one.text("error")
      let time = TimeText.duration(one.microseconds("seconds") ?? 0)
      line("try \(index + 1)", "\(one.text("address"))  \(status)  \(time)", &text)
    }
  }

  private static func writeHistory(_ row: LineMembers, _ text: inout StyledText) {
    var title = "history"
    var step: [UInt8] = []
    // A step begins with a plus sign, after a comma and a space.
    for byte in row.bytes("history") {
      if byte == UInt8(ascii: "+"), step.suffix(2) == Array(", ".utf8) {
        line(title, Array(step.dropLast(2)), &text)
        title = ""
        step = []
      }
      step.append(byte)
    }
    if !step.isEmpty { line(title, step, &text) }
  }

  // MARK: The head

  /// The head line by line, with a mark below the byte that is malformed.
  private static func writeHead(_ row: LineMembers, _ text: inout StyledText) {
    let fault = row.number("line").map { Int($0) }
    let lines = row.bytes("head").split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let emptyLines: [[UInt8]] = [[], [UInt8(ascii: "\r")]]
    for (index, content) in lines.enumerated() {
      if emptyLines.contains(Array(content)) && index + 1 != fault { continue }
      var content = Array(content)
      let isEnded = content.last == UInt8(ascii: "\r")
      if isEnded && index + 1 != fault { content.removeLast() }
      line(index == 0 ? "head" : "", escaped(content[...]), &text)
      if index + 1 == fault { writeMark(row, content, &text) }
    }
    if fault == nil, row.contains("malformed") {
      line(
        "malformed",
        "the \(row.text("malformed")) at byte \(row.number("offset") ?? 0): "
          + row.text("reason"), &text)
    }
  }

  private static func writeMark(
    _ row: LineMembers, _ content: [UInt8], _ text: inout StyledText
  ) {
    let column = max(1, Int(row.number("column") ?? 1))
    let before = escaped(content.prefix(column - 1)).count
    let reason = "^ byte \(row.number("offset") ?? 0): \(row.text("reason"))"
    text.append("  " + String(repeating: " ", count: 14 + before))
    text.append(reason, .red)
    text.append("\n")
  }

  /// Bytes of which each is seen: what is not printable ASCII as `\xHH`.
  private static func escaped(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    bytes.flatMap { byte -> [UInt8] in
      if byte >= 0x20 && byte < 0x7F { return [byte] }
      let digits = String(byte, radix: 16, uppercase: true)
      return Array(("\\x" + (digits.count < 2 ? "0" : "") + digits).utf8)
    }
  }
}
