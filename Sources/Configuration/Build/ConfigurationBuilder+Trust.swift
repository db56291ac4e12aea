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
      case "all" where allowsWords, "none" where allowsWords:
        guard words.count == 1 else {
          reporter.error(word.place, "\"\(word.text)\" can't stand beside others")
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
        expected: allowsWords ? "all, none, " + expected : expected,
        suggestion: allowsWords ? Suggestion.nearest(to: word.text, among: ["all", "none"]) : nil)
      return nil
    }
    if hasHostBits(word.text, network) {
      reporter.warning(
        word.place, "the low address bits of \"\(word.text)\" are meaningless: the range counts")
    }
    return network
  }

  /// True when the address before the `/` has bits that the range does not look at.
  private func hasHostBits(_ text: String, _ network: Network) -> Bool {
    let bytes = Array(text.utf8.prefix { $0 != UInt8(ascii: "/") })
    guard let address = PeerAddress(parsing: bytes.span) else { return false }
    let hostBits = (address.family == .ipv4 ? 32 : 128) - Int(network.prefixLength)
    let lowMask: UInt64 = hostBits >= 64 ? .max : (1 << UInt64(hostBits)) - 1
    let highMask: UInt64 =
      hostBits <= 64 ? 0 : hostBits == 128 ? .max : (1 << UInt64(hostBits - 64)) - 1
    return address.low & lowMask != 0 || address.high & highMask != 0
  }
}
