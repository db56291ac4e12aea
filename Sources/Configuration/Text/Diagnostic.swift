import Basics

/// What is wrong with a conf file, where, and how to put it right: a value that the command line
/// prints and tests compare.
public struct Diagnostic: Equatable, Sendable {
  /// How bad it is.
  public enum Severity: String, Sendable {
    /// The configuration can't be used.
    case error
    /// The configuration works, but probably not as meant.
    case warning
  }

  /// How bad it is.
  public var severity: Severity
  /// The path of the file.
  public var file: String
  /// The line, from 1; 0 when it concerns the file as a whole.
  public var line: Int
  /// The column in characters, from 1.
  public var column: Int
  /// How many characters are marked.
  public var length: Int
  /// What is wrong, in one sentence without a full stop.
  public var message: String
  /// What should have stood there.
  public var expected: String?
  /// The nearest name that would have been right.
  public var suggestion: String?
  /// What to know, or to do instead, in sentences.
  public var note: String?
  /// The text of the line.
  public var sourceLine: String

  /// The diagnostic given.
  public init(
    severity: Severity, file: String, line: Int, column: Int, length: Int, message: String,
    expected: String? = nil, suggestion: String? = nil, note: String? = nil,
    sourceLine: String = ""
  ) {
    self.severity = severity
    self.file = file
    self.line = line
    self.column = column
    self.length = length
    self.message = message
    self.expected = expected
    self.suggestion = suggestion
    self.note = note
    self.sourceLine = sourceLine
  }

  /// The diagnostic as the terminal shows it, without a line end behind the last line:
  ///
  ///     proxy.conf:3:5: error: unknown directive "lisen"
  ///         lisen 8080;
  ///         ^~~~~
  ///     did you mean "listen"?
  ///
  /// What the file holds is never sent to the terminal as a control.
  public func render() -> String {
    let shown = Diagnostic.printable(message)
    let name = Diagnostic.printable(file)
    guard line > 0 else { return "\(name): \(severity.rawValue): \(shown)" + advice }
    var text = "\(name):\(line):\(column): \(severity.rawValue): \(shown)"
    let (excerpt, start) = excerpt()
    text += "\n" + String(String.UnicodeScalarView(excerpt)) + "\n"
    for index in 0..<start {
      // A tab stays a tab, so that the caret stands where the terminal shows the character.
      text += index < excerpt.count && excerpt[index] == "\t" ? "\t" : " "
    }
    let marks = max(1, min(length, excerpt.count - start))
    text += "^" + String(repeating: "~", count: marks - 1)
    return text + advice
  }

  private var advice: String {
    (note.map { "\nnote: \(Diagnostic.printable($0))" } ?? "")
      + (expected.map { "\nexpected: \(Diagnostic.printable($0))" } ?? "")
      + (suggestion.map { "\ndid you mean \"\(Diagnostic.printable($0))\"?" } ?? "")
  }

  /// The text with a space in place of each character that a terminal would obey.
  private static func printable(_ text: String) -> String {
    let scalars = text.unicodeScalars.map { $0.isInvisible ? " " : $0 }
    return String(String.UnicodeScalarView(scalars))
  }

  /// The part of the line that is worth showing, and where the caret stands in it.
  private func excerpt() -> (text: [Unicode.Scalar], caret: Int) {
    let scalars = sourceLine.unicodeScalars.map { scalar in
      scalar != "\t" && scalar.isInvisible ? " " : scalar
    }
    let start = column - 1 > 120 ? column - 1 - 40 : 0
    let shown = scalars.dropFirst(start).prefix(160)
    return (Array(shown), column - 1 - start)
  }
}
