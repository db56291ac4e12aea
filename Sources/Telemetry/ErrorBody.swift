import Basics
import HTTP
import Policy

/// The content of the answers that Waybill makes itself to say what a status means: what happened
/// in one sentence, and the ID by which the operator finds it. Only statuses from 400 on speak of
/// an error.
public enum ErrorBody {
  /// The media type of a body in `format`, for Content-Type.
  public static func contentType(_ format: ErrorBodyFormat) -> StaticString {
    switch format {
    case .json: "application/json"
    case .html: "text/html; charset=utf-8"
    case .text: "text/plain; charset=utf-8"
    }
  }

  /// Writes the body for `status`. `explanation` is one plain sentence, in place of the status's
  /// own. The ID is left out when `requestID` is empty.
  public static func write(
    format: ErrorBodyFormat, status: UInt16, explanation: StaticString? = nil,
    requestID: borrowing RequestID, into writer: inout ByteWriter
  ) {
    write(
      format: format, status: status, explanation: explanation, requestID: requestID.span,
      into: &writer)
  }

  /// The same for the bytes of an ID.
  public static func write(
    format: ErrorBodyFormat, status: UInt16, explanation: StaticString? = nil,
    requestID: Span<UInt8>, into writer: inout ByteWriter
  ) {
    let sentence = explanation ?? self.explanation(of: status)
    switch format {
    case .json: writeJSON(status, detail: explanation, requestID, into: &writer)
    case .html: writeHTML(status, sentence, requestID, into: &writer)
    case .text: writeText(status, sentence, requestID, into: &writer)
    }
  }

  private static func writeJSON(
    _ status: UInt16, detail: StaticString?, _ requestID: Span<UInt8>,
    into writer: inout ByteWriter
  ) {
    writer.append(status < 400 ? "{\"reason\":\"" : "{\"error\":\"")
    writer.append(StatusCode.reason(status))
    writer.append("\",\"status\":")
    writer.append(decimal: UInt64(status))
    if let detail {
      writer.append(",\"detail\":\"")
      writer.append(detail)
      writer.append("\"")
    }
    if requestID.count > 0 {
      writer.append(",\"request_id\":\"")
      writer.appendEscaped(requestID, .json)
      writer.append("\"")
    }
    writer.append("}")
  }

  private static func writeText(
    _ status: UInt16, _ sentence: StaticString, _ requestID: Span<UInt8>,
    into writer: inout ByteWriter
  ) {
    writer.appendTitle(of: status)
    writer.append("\n\n")
    writer.append(sentence)
    writer.append("\n")
    if requestID.count > 0 {
      writer.append("\nRequest ID: ")
      writer.appendEscaped(requestID, .standard)
      writer.append("\n")
    }
  }

  private static func writeHTML(
    _ status: UInt16, _ sentence: StaticString, _ requestID: Span<UInt8>,
    into writer: inout ByteWriter
  ) {
    writer.append(
      """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>
      """)
    writer.appendTitle(of: status)
    writer.append("</title>\n")
    writer.append(style)
    writer.append("</head>\n<body>\n<main>\n<h1>")
    writer.appendTitle(of: status)
    writer.append("</h1>\n<p>")
    writer.append(sentence)
    writer.append("</p>\n")
    if requestID.count > 0 {
      writer.append("<p>Request ID: <code>")
      writer.appendHTML(requestID)
      writer.append("</code></p>\n")
    }
    writer.append("</main>\n</body>\n</html>\n")
  }

  /// System fonts and colours, light or dark as the reader prefers; one click selects the whole ID.
  private static var style: StaticString {
    """
    <style>
    :root { color-scheme: light dark; }
    body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; }
    main { max-width: 40rem; margin: 15vh auto 0; padding: 0 1.5rem; }
    h1 { font-size: 1.5rem; }
    code { user-select: all; overflow-wrap: anywhere; font-size: 1rem; }
    </style>

    """
  }

  /// One sentence for a reader who did not write the program.
  private static func explanation(of status: UInt16) -> StaticString {
    switch status {
    case ..<300: "The request was served."
    case 301, 308: "The requested page has moved permanently."
    case 302, 303, 307: "The requested page is temporarily at another address."
    case 300..<400: "The requested page is at another address."
    case 400: "The request could not be understood."
    case 403: "Access to this page is forbidden."
    case 404: "There is no page at this address."
    case 405: "This method is not allowed for this page."
    case 408: "The request took too long to arrive."
    case 411: "The request does not state the length of its content."
    case 413: "The request's content is too large."
    case 414: "The requested address is too long."
    case 417: "The server does not support what the request expects."
    case 421: "The request was sent to the wrong server."
    case 431: "The request's header fields are too large."
    case 501: "The server does not support this kind of request."
    case 502: "The backend server did not return a valid response."
    case 503: "The server can't handle this request at the moment. Please try again later."
    case 504: "The backend server did not respond in time."
    case 505: "The HTTP version of the request is not supported."
    case 400..<500: "The server can't process this request."
    case 500..<600: "The server encountered an error."
    default: "The server returned no further information."
    }
  }
}

extension ByteWriter {
  /// Appends `502 Bad Gateway`.
  fileprivate mutating func appendTitle(of status: UInt16) {
    append(decimal: UInt64(status))
    append(" ")
    append(StatusCode.reason(status))
  }

  /// Appends text with the characters that HTML gives a meaning as references. IDs hold none of
  /// them by their alphabet; a page must not depend on it.
  fileprivate mutating func appendHTML(_ text: Span<UInt8>) {
    for index in text.indices {
      switch text[index] {
      case UInt8(ascii: "&"): append("&amp;")
      case UInt8(ascii: "<"): append("&lt;")
      case UInt8(ascii: ">"): append("&gt;")
      case UInt8(ascii: "\""): append("&quot;")
      case let byte where byte.isControl || byte >= 0x80: append("?")
      case let byte: append(byte)
      }
    }
  }
}
