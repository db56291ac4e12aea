import Policy

/// Collects the diagnostics of one compilation, and the sources that they point into.
final class DiagnosticReporter {
  private(set) var sources: [SourceFile] = []
  private var reported: [(place: Place?, diagnostic: Diagnostic)] = []
  private(set) var errorCount = 0

  /// Adds a file; its index is what `Place.file` holds.
  func add(_ source: SourceFile) -> Int {
    sources.append(source)
    return sources.count - 1
  }

  /// Notes that the configuration can't be used. The suggestion is looked for only when it is
  /// shown.
  func error(
    _ place: Place, _ message: String, expected: String? = nil,
    suggestion: @autoclosure () -> String? = nil, note: String? = nil
  ) {
    errorCount += 1
    guard errorCount <= Limits.reportedErrors else { return }
    report(.error, place, message, expected, suggestion(), note)
  }

  /// Notes that something is probably not as meant.
  func warning(
    _ place: Place, _ message: String, expected: String? = nil, suggestion: String? = nil,
    note: String? = nil
  ) {
    guard reported.count < 2 * Limits.reportedErrors else { return }
    report(.warning, place, message, expected, suggestion, note)
  }

  /// Notes an error that concerns a file as a whole.
  func error(file: String, _ message: String) {
    errorCount += 1
    reported.append(
      (
        nil,
        Diagnostic(severity: .error, file: file, line: 0, column: 0, length: 0, message: message)
      ))
  }

  /// All of them in the order of the text, files in the order in which they were read.
  func diagnostics() -> [Diagnostic] {
    let order = reported.indices.sorted { left, right in
      let (first, second) = (reported[left].place, reported[right].place)
      let firstKey = (first?.file ?? -1, first?.offset ?? 0, left)
      return firstKey < (second?.file ?? -1, second?.offset ?? 0, right)
    }
    var result = order.map { reported[$0].diagnostic }
    if errorCount > Limits.reportedErrors {
      let rest = errorCount - Limits.reportedErrors
      result.append(
        Diagnostic(
          severity: .error, file: sources[0].path, line: 0, column: 0, length: 0,
          message: "\(rest) more errors are not shown"))
    }
    return result
  }

  /// The line number of a place, for messages that refer to a second place.
  func line(of place: Place) -> Int { sources[place.file].lineIndex(at: place.offset) + 1 }

  /// `line 12`, or `other.conf:12` when the place lies in another file than `reader`.
  func describe(_ place: Place, from reader: Place) -> String {
    place.file == reader.file
      ? "line \(line(of: place))" : "\(sources[place.file].path):\(line(of: place))"
  }

  private func report(
    _ severity: Diagnostic.Severity, _ place: Place, _ message: String, _ expected: String?,
    _ suggestion: String?, _ note: String?
  ) {
    let source = sources[place.file]
    let lineIndex = source.lineIndex(at: place.offset)
    let line = source.lineOffsets(lineIndex)
    let start = min(place.offset, line.upperBound)
    let end = min(place.offset + place.count, line.upperBound)
    func text(_ range: Range<Int>) -> String {
      String(decoding: source.bytes[range], as: UTF8.self)
    }
    let diagnostic = Diagnostic(
      severity: severity, file: source.path, line: lineIndex + 1,
      column: text(line.lowerBound..<start).unicodeScalars.count + 1,
      length: max(1, text(start..<max(start, end)).unicodeScalars.count), message: message,
      expected: expected, suggestion: suggestion, note: note, sourceLine: text(line))
    // One cause may be found twice, on two ways: say it once.
    guard !reported.contains(where: { $0.diagnostic == diagnostic }) else { return }
    reported.append((place, diagnostic))
  }
}
