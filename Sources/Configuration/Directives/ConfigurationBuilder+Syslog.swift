import HTTP

/// `syslog:server=ADDRESS,facility=NAME,severity=NAME,tag=TEXT,nohostname,rfc5424`, which
/// `access_log` and `error_log` have in common. The parameters are nginx's, `rfc5424` besides.
extension ConfigurationBuilder {
  func syslogSetting(_ word: Word) -> SyslogSetting? {
    var setting = SyslogSetting()
    var offset = "syslog:".utf8.count
    let parts = word.text.dropFirst(offset).split(separator: ",", omittingEmptySubsequences: false)
    for part in parts {
      let text = String(part)
      let place = word.place(from: offset, count: text.utf8.count)
      guard syslogParameter(text, place, &setting) else { return nil }
      offset += text.utf8.count + 1
    }
    guard !setting.name.isEmpty else {
      reporter.error(
        word.place, "a syslog server is missing", expected: "syslog:server=10.0.0.5:514")
      return nil
    }
    return setting
  }

  private func syslogParameter(
    _ text: String, _ place: Place, _ setting: inout SyslogSetting
  ) -> Bool {
    let value = String(text.drop { $0 != "=" }.dropFirst())
    switch text.prefix(while: { $0 != "=" }) {
    case "server": return syslogServer(value, place, &setting)
    case "facility":
      return syslogChoice(value, place, Self.facilities) { setting.facility = $0 }
    case "severity":
      return syslogChoice(value, place, Self.severities) { setting.severity = $0 }
    case "tag": return syslogTag(value, place, &setting)
    case "nohostname" where text == "nohostname": setting.hasHost = false
    case "rfc5424" where text == "rfc5424": setting.isRFC5424 = true
    default:
      reporter.error(
        place, "invalid syslog parameter \"\(text)\"",
        expected: "server=, facility=, severity=, tag=, nohostname or rfc5424")
      return false
    }
    return true
  }

  private func syslogServer(
    _ text: String, _ place: Place, _ setting: inout SyslogSetting
  ) -> Bool {
    let endpoint: Endpoint?
    if text.hasPrefix("unix:") {
      endpoint = unixEndpoint(String(text.dropFirst(5)), at: place)
    } else {
      guard let (host, port) = splitAuthority(text, at: place) else { return false }
      endpoint = endpoints(host: host, port: port ?? 514, at: place)?.first
    }
    guard let endpoint else { return false }
    setting.server = endpoint.address
    setting.serverPath = endpoint.unixPath
    setting.name = endpoint.name
    return true
  }

  /// The tag of RFC 3164 is letters, digits and, as in nginx, underscores.
  private func syslogTag(_ text: String, _ place: Place, _ setting: inout SyslogSetting) -> Bool {
    let isValid = text.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    guard isValid, (1...32).contains(text.utf8.count) else {
      reporter.error(
        place, "invalid syslog tag \"\(text)\"",
        expected: "at most 32 letters, digits and underscores")
      return false
    }
    setting.tag = text
    return true
  }

  private func syslogChoice(
    _ text: String, _ place: Place, _ names: [String], _ set: (UInt8) -> Void
  ) -> Bool {
    guard let number = names.firstIndex(of: text), !text.isEmpty else {
      reporter.error(
        place, "invalid value \"\(text)\"",
        expected: names.filter { !$0.isEmpty }.joined(separator: ", "))
      return false
    }
    set(UInt8(number))
    return true
  }

  /// In the order of their numbers (RFC 3164 section 4.1.1); 12 to 15 have no name.
  private static let facilities = [
    "kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock",
    "authpriv", "ftp", "", "", "", "", "local0", "local1", "local2", "local3", "local4", "local5",
    "local6", "local7",
  ]

  private static let severities = [
    "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug",
  ]
}
