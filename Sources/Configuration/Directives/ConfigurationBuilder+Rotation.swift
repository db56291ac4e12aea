import Policy

/// `rotate=SIZE keep=NUMBER gzip`, which `access_log` and `error_log` have in common.
extension ConfigurationBuilder {
  /// Takes the words that are about rotation out of a log's options. False when one of them is
  /// wrong, which is reported.
  func takeRotation(
    _ options: inout ArraySlice<Word>, _ destination: LogDestination,
    _ rotation: inout LogRotationSetting?
  ) -> Bool {
    var setting = LogRotationSetting()
    var firstPlace: Place?
    var others: [Word] = []
    for word in options {
      guard let isTaken = rotationOption(word, &setting) else { return false }
      if isTaken { firstPlace = firstPlace ?? word.place } else { others.append(word) }
    }
    options = others[...]
    guard let firstPlace else { return true }
    guard case .file = destination else {
      reporter.error(firstPlace, "only a file can be rotated")
      return false
    }
    guard setting.bytes > 0 else {
      reporter.error(firstPlace, "\"keep=\" and \"gzip\" have no effect without \"rotate=\"")
      return false
    }
    rotation = setting
    return true
  }

  /// True when the word is about rotation, nil when it is wrong besides.
  private func rotationOption(_ word: Word, _ setting: inout LogRotationSetting) -> Bool? {
    if let (text, place) = parameter("rotate", word) {
      guard let size = bytes(text, at: place) else { return nil }
      guard size > 0 else {
        reporter.error(place, "a log of 0 bytes can't be rotated", expected: "rotate=100m")
        return nil
      }
      setting.bytes = size
    } else if let (text, place) = parameter("keep", word) {
      guard let count = number(text, at: place, 1...UInt64(Limits.rotatedLogs)) else { return nil }
      setting.keep = Int(count)
    } else if word.text == "gzip" {
      setting.packs = true
    } else {
      return false
    }
    return true
  }
}
