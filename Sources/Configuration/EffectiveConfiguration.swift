import Policy

/// What `waybill -T` prints: the files as they were read, and behind them, as comments, what the
/// merging of levels came to, so that nobody has to work it out by hand.

/// The request-ID directives in force in one place.
struct EffectivePolicy {
  /// `server NAME` or `server NAME location PATH`.
  var title: String
  /// `file:line` of the block.
  var source: String
  /// What holds there.
  var settings: RequestIDSettings
}

/// Prints compiled configurations.
public enum EffectiveConfiguration {
  /// The text for one configuration; itself a conf file that means the same when it has no
  /// `include`.
  public static func render(_ compiled: CompiledConfiguration) -> String {
    var text = ""
    for source in compiled.sources {
      text += "# configuration file \(source.path):\n"
      text += String(decoding: source.text, as: UTF8.self)
      if source.bytes.last != 0x0A { text += "\n" }
      text += "\n"
    }
    text += "# request IDs, all levels merged:\n"
    for policy in compiled.policies {
      text += "#\n# \(policy.title) (\(policy.source))\n"
      for line in lines(policy.settings) { text += "#   \(line)\n" }
    }
    return text + "#\n" + defaults(compiled)
  }

  private static func lines(_ settings: RequestIDSettings) -> [String] {
    let origins = settings.crossOrigin?.origins ?? []
    let exposure = settings.crossOrigin?.isOn == true ? "on" : "off"
    return [
      "request_id \(settings.effectiveMode);",
      "request_id_header \(settings.effectiveHeader);",
      "request_id_format \(settings.format ?? .uuid4);",
      "request_id_trust \(trust(settings.trust));",
      "request_id_max_length \(settings.maximumLength ?? 128);",
      "request_id_invalid \(settings.rejectsInvalid == true ? "reject" : "replace");",
      "request_id_cors \(origins.isEmpty ? exposure : origins.joined(separator: " "));",
      "request_id_server_timing \(settings.sendsServerTiming == true ? "on" : "off");",
    ]
  }

  private static func trust(_ trust: TrustSetting?) -> String {
    guard let trust, !trust.includesAll else { return "all" }
    var words = trust.ranges
    if trust.includesUnix { words.append("unix:") }
    if trust.includesVerified { words.append("mtls") }
    return words.isEmpty ? "none" : words.joined(separator: " ")
  }

  /// The defaults of all directives that no file mentions.
  private static func defaults(_ compiled: CompiledConfiguration) -> String {
    var text = "# defaults where nothing is set:\n"
    for directive in DirectiveCatalog.aspects.flatMap(\.directives) {
      guard let value = directive.defaultText, !compiled.names.contains(directive.name) else {
        continue
      }
      let place = directive.contexts == .upstream ? "  # in upstream" : ""
      text += "#   \(directive.name) \(value);\(place)\n"
    }
    return text
  }
}
