import HTTP
import Policy

/// Reads sets of peers: `set_real_ip_from`, `request_id_trust`.
extension ConfigurationBuilder {
  /// The set that the words name; `allowsWords` takes `all` and `none` as the only word.
  func trust(_ words: [Word], allowsWords: Bool) -> TrustSetting? {
    var trust = TrustSetting()
    for word in words {
      switch word.text {
      case "unix:": trust.includesUnix = true
      case "mtls" where allowsWords: trust.includesVerified = true
      case "all" where allowsWords, "none" where allowsWords:
        guard words.count == 1 else {
          reporter.error(word.place, "\"\(word.text)\" can't be combined with other values")
          return nil
        }
        trust.includesAll = word.text == "all"
      default:
        guard let network = network(word, allowsWords: allowsWords) else { return nil }
        trust.networks.append(network)
        trust.ranges.append(word.text)
      }
    }
    return trust
  }

  private func network(_ word: Word, allowsWords: Bool) -> Network? {
    let bytes = Array(word.text.utf8)
    guard !word.text.hasPrefix("unix:"), let network = Network(parsing: bytes.span) else {
      let expected = "an address, a range such as 10.0.0.0/8, or unix:"
      reporter.error(
        word.place, "invalid address or range \"\(word.text)\"",
        expected: allowsWords ? "all, none, mtls, " + expected : expected,
        suggestion: allowsWords
          ? Suggestion.nearest(to: word.text, among: ["all", "none", "mtls"]) : nil)
      return nil
    }
    if Network.hasHostBits(bytes.span) {
      reporter.warning(
        word.place, "\"\(word.text)\" has host bits set, which are ignored")
    }
    return network
  }
}
