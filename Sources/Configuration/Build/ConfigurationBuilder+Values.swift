import Basics
import HTTP
import Telemetry

/// Reads single arguments. Each function reports what is wrong with its word and then returns nil,
/// so that a directive's code only says what it does with good ones.
extension ConfigurationBuilder {
  /// A length of time.
  func time(_ word: Word, mayBeZero: Bool = false) -> Interval? {
    time(word.text, at: word.place, mayBeZero: mayBeZero)
  }

  /// A length of time that is part of a word.
  func time(_ text: String, at place: Place, mayBeZero: Bool = false) -> Interval? {
    guard let interval = Units.interval(text) else {
      reporter.error(
        place, "invalid time \"\(text)\"",
        expected: "a number with ms, s, m, h, d, w, M or y, such as 500ms, 30s, 1h30m")
      return nil
    }
    guard mayBeZero || interval.nanoseconds > 0 else {
      reporter.error(place, "the time must be longer than 0")
      return nil
    }
    return interval
  }

  /// A number of bytes.
  func bytes(_ word: Word) -> UInt64? { bytes(word.text, at: word.place) }

  /// A number of bytes that is part of a word.
  func bytes(_ text: String, at place: Place) -> UInt64? {
    if let count = Units.byteCount(text) { return count }
    reporter.error(
      place, "invalid size \"\(text)\"", expected: "a number of bytes with k, m or g, such as 64k")
    return nil
  }

  /// A whole number.
  func number(_ word: Word, _ range: ClosedRange<UInt64>) -> UInt64? {
    number(word.text, at: word.place, range)
  }

  /// A whole number that is part of a word.
  func number(_ text: String, at place: Place, _ range: ClosedRange<UInt64>) -> UInt64? {
    let isDecimal = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    if isDecimal, let value = UInt64(text), range.contains(value) { return value }
    reporter.error(
      place, "invalid number \"\(text)\"",
      expected: "a number from \(range.lowerBound) to \(range.upperBound)")
    return nil
  }

  /// `on` or `off`, in any case as in nginx.
  func flag(_ word: Word) -> Bool? { choice(word, ["on": true, "off": false]) }

  /// One of several words, in any case as in nginx.
  func choice<Value>(_ word: Word, _ choices: KeyValuePairs<String, Value>) -> Value? {
    let text = word.text.lowercased()
    if let found = choices.first(where: { $0.key.lowercased() == text }) { return found.value }
    invalidValue(word, expected: choices.map(\.key))
    return nil
  }

  /// Reports a word that is none of those expected.
  func invalidValue(_ word: Word, expected: [String]) {
    let list =
      expected.count == 1
      ? expected[0]
      : expected.dropLast().joined(separator: ", ") + " or " + expected[expected.count - 1]
    reporter.error(
      word.place, "invalid value \"\(word.text)\"", expected: list,
      suggestion: Suggestion.nearest(to: word.text, among: expected))
  }

  /// Text with variables.
  func template(_ word: Word) -> Template? {
    template(word.text) { offset, count in word.place(from: offset, count: count) }
  }

  /// Text with variables of which `place` knows where a part of it stands.
  func template(_ text: String, place: (_ offset: Int, _ count: Int) -> Place) -> Template? {
    do throws(TemplateError) {
      let template = try templates.compile(text)
      for index in template.parts.indices {
        let variable = template.parts[index].variable
        switch variable {
        case .sslClientCertificate, .sslClientEscapedCertificate, .sslClientRawCertificate,
          .sslClientFingerprint, .sslClientSerial:
          usesClientCertificate = true
        default: break
        }
        if variable == .serverAddress || variable == .serverPort { usesLocalAddress = true }
      }
      // An expression that comes later may have a group of that name.
      for error in templates.takeOpenNames() { noteUnknown(error, place) }
      return template
    } catch {
      _ = templates.takeOpenNames()
      noteUnknown(error, place)
      return nil
    }
  }

  private func noteUnknown(
    _ error: TemplateError, _ place: (_ offset: Int, _ count: Int) -> Place
  ) {
    unknownVariables.append(
      UnknownVariable(place: place(error.offset, error.name.utf8.count + 1), error: error))
  }

  /// Reports the variables that nothing makes, not even a directive that was refused.
  func reportUnknownVariables() {
    for unknown in unknownVariables {
      let error = unknown.error
      let name = error.name.lowercased()
      guard !announcedVariables.contains(name), !failed.variables.contains(name),
        // One that can't be a name at all is wrong whatever else there is.
        !failed.hasUnreadFile || error.name.isEmpty,
        !templates.isDeclared(error.name)
      else { continue }
      reporter.error(
        unknown.place, error.message,
        suggestion: Suggestion.nearest(to: error.name, among: TemplateCompiler.variableNames)
          .map { "$\($0)" })
    }
    unknownVariables = []
  }

  /// A field name, which is a token (RFC 9110 section 5.1).
  func fieldName(_ word: Word) -> String? {
    if FieldSyntax.isToken(word.text), word.text.utf8.count <= 255 { return word.text }
    reporter.error(
      word.place, "\"\(word.text)\" is not a valid header name",
      expected: "letters, digits and any of !#$%&'*+-.^_`|~")
    return nil
  }

  /// Text that goes into a header: no control characters.
  func fieldValue(_ original: Word) -> Template? {
    let word = unfolded(original)
    guard !word.text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
      reporter.error(word.place, "a header value can't contain control characters")
      return nil
    }
    return template(word)
  }

  /// The word with each line break, and the white space around it, as one space: what stands on
  /// several lines in the file is one line in a message (RFC 9112 section 5.2).
  private func unfolded(_ word: Word) -> Word {
    guard word.isVerbatim, word.text.utf8.contains(0x0A) else { return word }
    var one = word
    one.text = word.text.split(omittingEmptySubsequences: true, whereSeparator: \.isNewline)
      .map { $0.trimmingBlanks }.filter { !$0.isEmpty }.joined(separator: " ")
    one.isVerbatim = false
    return one
  }

  /// The value of `name=value`, and where it stands; nil when the word is something else.
  func parameter(_ name: String, _ word: Word) -> (text: String, place: Place)? {
    guard word.text.hasPrefix(name + "=") else { return nil }
    let start = name.utf8.count + 1
    let text = String(word.text.utf8.dropFirst(start)) ?? ""
    return (text, word.place(from: start, count: text.utf8.count))
  }
}

extension Substring {
  /// The text without blanks at its ends.
  fileprivate var trimmingBlanks: Substring {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    var rest = drop(while: isBlank)
    while let last = rest.last, isBlank(last) { rest.removeLast() }
    return rest
  }
}

/// A use of a variable that does not exist.
struct UnknownVariable {
  var place: Place
  var error: TemplateError
}
