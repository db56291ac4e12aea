import Basics
import HTTP

extension LogFormat {
  /// Writes the whole line of `record` with its line end. `head` and `bytes` are the request's head
  /// and the memory that its ranges lie in; what is absent there is absent in the line. Record
  /// and head are `inout` to be read in place: only the record's text of the last date is changed.
  ///
  /// Whatever bytes the client sent, the line is one line and valid. When it does not fit,
  /// `writer.overflowed` is set and the caller must take back what was written of it.
  public func write(
    _ record: inout ExchangeRecord, head: inout RequestHead,
    bytes: borrowing ExchangeBytes, into writer: inout ByteWriter
  ) {
    switch kind {
    case .json: record.writeJSONLine(head, bytes, into: &writer)
    case .verbose: record.writeVerboseLine(head, bytes, into: &writer)
    case .simple: record.writeSimpleLine(head, bytes, into: &writer)
    case .template:
      template.write(record, head, bytes, as: ValueForm(escape), into: &writer)
      writer.append(UInt8(ascii: "\n"))
    }
  }

  /// nginx's `combined` with the ID at the end, as the text of a `log_format`.
  public static var combinedText: String { nginxCombinedText + " \"$request_id\"" }

  /// nginx's own `combined`.
  private static var nginxCombinedText: String {
    "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent"
      + " \"$http_referer\" \"$http_user_agent\""
  }

  /// nginx's own `combined`, its tables in the compiler's arena.
  public init?(nginxCombined compiler: inout TemplateCompiler) {
    guard let template = try? compiler.compile(LogFormat.nginxCombinedText) else { return nil }
    self.init(kind: .template, template: template)
  }

  /// The names of the formats that need no `log_format`.
  public static var builtInNames: [String] { ["json", "combined", "verbose", "simple"] }

  /// The built-in format of that name, its tables in the compiler's arena; nil when there is none.
  public init?(builtIn name: String, compiler: inout TemplateCompiler) {
    switch name {
    case "json": self.init(kind: .json)
    case "verbose": self.init(kind: .verbose)
    case "simple": self.init(kind: .simple)
    case "combined":
      guard let template = try? compiler.compile(LogFormat.combinedText) else { return nil }
      self.init(kind: .template, template: template)
    default: return nil
    }
  }
}
