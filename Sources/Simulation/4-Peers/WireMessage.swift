/// A request or a response as a peer saw it on the wire.
///
/// Clients and backends parse with this and `MessageReader` alone, never with the code under test:
/// what both got wrong the same way would look right.
public struct WireMessage: Equatable, Sendable {
  /// One field line.
  public struct Field: Equatable, Sendable {
    /// The name as it was sent.
    public let name: String
    /// The value without white space around it.
    public let value: String
  }

  /// The request line or status line, without the line end.
  public var startLine = ""
  /// The fields in order.
  public var fields: [Field] = []
  /// The content, without chunked framing.
  public var content: [UInt8] = []
  /// The fields behind chunked content.
  public var trailers: [Field] = []
  /// True when the content was chunked.
  public var isChunked = false
  /// True once all of it has come.
  public var isComplete = false

  /// A message of which nothing has come.
  public init() {}

  /// The values of the fields of this name, which is compared without regard to case.
  public func values(of name: String) -> [String] {
    fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
  }

  /// The value of the first field of this name.
  public func value(of name: String) -> String? { values(of: name).first }

  /// The method of a request.
  public var method: String { word(0) }

  /// The target of a request.
  public var target: String { word(1) }

  /// The status code of a response; 0 when there is none.
  public var status: Int { Int(word(1)) ?? 0 }

  /// The content as text.
  public var text: String { String(decoding: content, as: UTF8.self) }

  /// True for a response that is followed by another one (RFC 9110 section 15.2); 101 is not.
  public var isInterim: Bool { (100...199).contains(status) && status != 101 }

  /// True when the sender closes the connection behind this message (RFC 9112 section 9.6).
  public var asksToClose: Bool {
    let options = values(of: "connection").joined(separator: ",").lowercased()
    if options.contains("close") { return true }
    return startLine.contains("HTTP/1.0") && !options.contains("keep-alive")
  }

  private func word(_ index: Int) -> String {
    let words = startLine.split(separator: " ", omittingEmptySubsequences: false)
    return index < words.count ? String(words[index]) : ""
  }
}
