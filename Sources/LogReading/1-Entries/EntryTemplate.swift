import Basics
import Telemetry

/// A `log_format` read backwards: what stands between its literal texts are the variables' values.
///
/// A value ends where the next literal begins for the first time. nginx's escaping sees to it that
/// a quoted value holds no quote, so formats that quote what clients choose are read exactly.
public struct EntryTemplate: Sendable {
  private enum Piece: Sendable {
    case literal([UInt8])
    case value(Variable)
  }

  private let pieces: [Piece]
  private let escape: AccessEntry.Escape

  /// The format given. Nil for one that has no text between two values: then nobody can tell them
  /// apart.
  public init?(_ template: Template, escape: LogEscape) {
    var pieces: [Piece] = []
    for index in template.parts.indices {
      let part = template.parts[index]
      if part.variable == .literal {
        pieces.append(.literal(part.text.indices.map { part.text[$0] }))
      } else {
        if case .value? = pieces.last { return nil }
        pieces.append(.value(part.variable))
      }
    }
    guard pieces.count > 1 else { return nil }
    self.pieces = pieces
    self.escape = escape == .json ? .json : .text
  }

  /// True when lines in this format begin with a brace.
  var isObject: Bool {
    guard case .literal(let text)? = pieces.first else { return false }
    return text[0] == UInt8(ascii: "{")
  }

  /// The entry of a line in this format; nil when the line is in another one.
  public func entry(_ line: Span<UInt8>) -> AccessEntry? {
    var entry = AccessEntry()
    entry.escape = escape
    var position = 0
    for index in pieces.indices {
      switch pieces[index] {
      case .literal(let text):
        guard EntryTemplate.isText(text, at: position, in: line) else { return nil }
        position += text.count
      case .value(let variable):
        guard let end = endOfValue(index, line, from: position) else { return nil }
        entry.take(variable, line, position..<end)
        position = end
      }
    }
    return position == line.count ? entry : nil
  }

  private func endOfValue(_ index: Int, _ line: Span<UInt8>, from start: Int) -> Int? {
    guard index + 1 < pieces.count, case .literal(let text) = pieces[index + 1] else {
      return line.count
    }
    var position = start
    while true {
      position = line.index(of: text[0], from: position)
      guard position + text.count <= line.count else { return nil }
      if EntryTemplate.isText(text, at: position, in: line) { return position }
      position += 1
    }
  }

  private static func isText(_ text: [UInt8], at position: Int, in line: Span<UInt8>) -> Bool {
    guard position + text.count <= line.count else { return false }
    for index in text.indices where line[position + index] != text[index] { return false }
    return true
  }
}

extension AccessEntry {
  /// Takes the value of a variable, if it is of interest. `-` is how an absent one is written.
  fileprivate mutating func take(
    _ variable: Variable, _ line: Span<UInt8>, _ value: Range<Int>
  ) {
    guard !line.extracting(value).equals("-"), !value.isEmpty else { return }
    switch variable {
    case .timeLocal, .timeISO8601, .timeRFC3339, .milliseconds: time = ByteRange(value)
    case .status: status = UInt16(clamping: DecimalReading.integer(line, value) ?? 0)
    case .requestTime: duration = DecimalReading.microseconds(line, value) ?? duration
    case .requestID: requestID = ByteRange(value)
    case .clientRequestID: clientRequestID = ByteRange(value)
    case .upstreamRequestID: upstreamRequestID = ByteRange(value)
    case .remoteAddress: client = ByteRange(value)
    case .requestMethod: method = ByteRange(value)
    case .host: host = ByteRange(value)
    case .request: takeRequestLine(line, value)
    case .requestURI, .uri: uri = ByteRange(value)
    case .bodyBytesSent, .bytesOut: bytesOut = ByteRange(value)
    case .upstreamAddress: upstream = ByteRange(value)
    case .proxyHost: proxyHost = ByteRange(value)
    case .event:
      isEvent = true
      isSubrequest = line.extracting(value).equals("subrequest")
    case .error: error = ByteRange(value)
    case .termination: termination = ByteRange(value)
    default: break
    }
  }
}
