import Basics
import Telemetry

/// Reads lines of access logs in any format that is known. The format is recognised line by line:
/// a log whose format was changed, or two logs in one file, are read as well.
public struct EntryReader: Sendable {
  /// Own formats that look like JSON: tried first, for their members have names of their own.
  private let objects: [EntryTemplate]
  private let texts: [EntryTemplate]

  /// Knows the built-in formats, nginx's `combined` without an ID, and `formats`, which must be
  /// kept alive by their plan during this call only.
  public init(formats: [LogFormat] = []) {
    let own = formats.filter { $0.kind == .template }
      .compactMap { EntryTemplate($0.template, escape: $0.escape) }
    objects = own.filter(\.isObject)
    texts = own.filter { !$0.isObject } + EntryReader.combined
  }

  private static var combined: [EntryTemplate] {
    let arena = Arena()
    return withExtendedLifetime(arena) {
      var compiler = TemplateCompiler(arena: arena, hostname: "")
      let nginx = LogFormat.combinedText.split(separator: " ").dropLast().joined(separator: " ")
      return [LogFormat.combinedText, nginx]
        .compactMap { try? compiler.compile($0) }
        .compactMap { EntryTemplate($0, escape: .standard) }
    }
  }

  /// The entry of a line (without its line end); nil when it is of no known format.
  public func entry(_ line: Span<UInt8>) -> AccessEntry? {
    guard line.count <= EntryReader.longestLine else { return nil }
    if !objects.isEmpty, let entry = EntryReader.entry(line, of: objects) { return entry }
    if let entry = AccessEntry(json: line) { return entry }
    if let entry = AccessEntry(verbose: line) ?? AccessEntry(simple: line) { return entry }
    return EntryReader.entry(line, of: texts)
  }

  private static func entry(_ line: Span<UInt8>, of templates: [EntryTemplate]) -> AccessEntry? {
    for template in templates {
      if let entry = template.entry(line) { return entry }
    }
    return nil
  }

  /// Longer lines are nobody's access line; Waybill's own are far below.
  public static var longestLine: Int { 1 << 20 }
}
