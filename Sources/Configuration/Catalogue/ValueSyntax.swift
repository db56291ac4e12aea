/// What follows the name of a directive that is checked but has no effect.
enum ValueSyntax {
  /// Nothing.
  case none
  /// `on` or `off`.
  case flag
  /// A number of bytes with `k` or `m`.
  case size
  /// A number of bytes with `k`, `m` or `g`.
  case offset
  /// A length of time.
  case time
  /// A whole number.
  case number
  /// A number of buffers and their size.
  case buffers
  /// One of some words.
  case choice([String])
  /// One or more of some words.
  case choices([String])
  /// One word of any kind.
  case word
  /// So many words of any kind.
  case words(ClosedRange<Int>)
  /// So many words, and a block whose content is left alone.
  case block(ClosedRange<Int>)

  /// How many words may follow the name.
  var counts: ClosedRange<Int> {
    switch self {
    case .none: 0...0
    case .buffers: 2...2
    case .choices: .atLeast(1)
    case .words(let counts), .block(let counts): counts
    case .flag, .size, .offset, .time, .number, .choice, .word: 1...1
    }
  }

  /// The words as the manual writes them.
  var text: String {
    switch self {
    case .none: ""
    case .flag: "on | off"
    case .size, .offset: "SIZE"
    case .time: "TIME"
    case .number: "NUMBER"
    case .buffers: "NUMBER SIZE"
    case .choice(let words), .choices(let words): words.joined(separator: " | ")
    case .word: "VALUE"
    case .words(let counts), .block(let counts): counts.upperBound == 0 ? "" : "VALUE …"
    }
  }

  /// True for those that nginx allows once in a block.
  var isSingle: Bool {
    switch self {
    case .none, .flag, .size, .offset, .time, .number, .buffers, .choice: true
    case .choices, .word, .words, .block: false
    }
  }

  /// True when `{ }` follows the words.
  var opensBlock: Bool {
    if case .block = self { return true }
    return false
  }
}

extension ConfigurationBuilder {
  /// True when the words are such values; what is wrong is reported.
  func areValid(_ words: [Word], _ syntax: ValueSyntax) -> Bool {
    switch syntax {
    case .none, .word, .words, .block: true
    case .flag: flag(words[0]) != nil
    case .size: size(words[0])
    case .offset: bytes(words[0]) != nil
    case .time: time(words[0], mayBeZero: true) != nil
    case .number: number(words[0], 0...UInt64(Int64.max)) != nil
    case .buffers: number(words[0], 1...UInt64(Int32.max)) != nil && size(words[1])
    case .choice(let choices), .choices(let choices):
      words.allSatisfy { isOneOf($0, choices) }
    }
  }

  private func isOneOf(_ word: Word, _ choices: [String]) -> Bool {
    if choices.contains(where: { $0.lowercased() == word.text.lowercased() }) { return true }
    invalidValue(word, expected: choices)
    return false
  }

  /// nginx counts sizes of memory in `k` and `m` only.
  func size(_ word: Word) -> Bool {
    guard word.text.last?.lowercased() == "g" else { return bytes(word) != nil }
    reporter.error(
      word.place, "invalid size \"\(word.text)\"",
      expected: "a number of bytes with k or m, such as 64k")
    return false
  }
}
