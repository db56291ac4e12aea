import Basics
import Plan
import Policy
import Telemetry

/// How many requests may come, and how many at a time.
extension DirectiveCatalog {
  static let limits: [Directive] = [
    Directive(
      "limit_req_zone", in: .top, "KEY zone=NAME:SIZE rate=NUMBERr/s | NUMBERr/m", count: 3...3,
      isRepeatable: true,
      """
      Where requests are counted by a key, text with variables such as `$binary_remote_addr`, and \
      how many of one key may come in a second or a minute. All workers count in the same place, \
      and a reload goes on with what was counted. 64 bytes of `SIZE` are taken for each key; when \
      they are used up, the keys go that were not seen for longest. Requests with an empty key are \
      not counted.
      """
    ) { $0.requestZone($1) },
    Directive(
      "limit_req", in: .everyLevel, "zone=NAME [burst=NUMBER] [nodelay | delay=NUMBER]",
      count: 1...3, isRepeatable: true,
      """
      Limits the rate of requests. `burst` may come too early, and wait until it is their time, \
      unless `nodelay` is there or they are among the first `delay`; those beyond get \
      `limit_req_status`. Several lines may stand beside each other: the strictest counts. A level \
      with such lines inherits none.
      """
    ) { $0.requestLimit($1) },
    .number(
      "limit_req_status", in: .everyLevel, 400...599, default: "503",
      \.admission.requestRefusal.status, "The status of requests that come too fast."),
    .refusalLevel("limit_req_log_level", \.admission.requestRefusal.level),
    .flag(
      "limit_req_dry_run", in: .everyLevel, default: "off", \.admission.requestRefusal.isDryRun,
      "`on`: requests that come too fast are told in the error log, and served all the same."),
    Directive(
      "limit_conn_zone", in: .top, "KEY zone=NAME:SIZE", count: 2...2, isRepeatable: true,
      """
      Where requests under way are counted by a key. All workers count in the same place. A \
      request whose key has no room left in `SIZE` is refused; one with an empty key is not counted.
      """
    ) { $0.connectionZone($1) },
    Directive(
      "limit_conn", in: .everyLevel, "ZONE NUMBER", count: 2...2, isRepeatable: true,
      """
      How many requests of one key may be under way at the same time; those beyond get \
      `limit_conn_status`. A level with such lines inherits none.
      """
    ) { $0.connectionLimit($1) },
    .number(
      "limit_conn_status", in: .everyLevel, 400...599, default: "503",
      \.admission.connectionRefusal.status, "The status of requests that are too many."),
    .refusalLevel("limit_conn_log_level", \.admission.connectionRefusal.level),
    .flag(
      "limit_conn_dry_run", in: .everyLevel, default: "off",
      \.admission.connectionRefusal.isDryRun,
      "`on`: requests that are too many are told in the error log, and served all the same."),
  ]
}

extension Directive {
  fileprivate static func refusalLevel(
    _ name: String, _ setting: any WritableKeyPath<Settings, LogLevel?> & Sendable
  ) -> Directive {
    Directive(
      name, in: .everyLevel, "info | notice | warn | error", default: "error",
      "The level of the line in the error log for a request that is refused; waiting is one lower."
    ) { builder, use in
      builder.settings[keyPath: setting] = builder.choice(
        use.arguments[0], ["info": .info, "notice": .notice, "warn": .warn, "error": .error])
    }
  }
}

extension ConfigurationBuilder {
  fileprivate func requestZone(_ use: DirectiveUse) {
    var zone: (name: String, bytes: UInt64)?
    var rate: UInt64?
    for word in use.arguments.dropFirst() {
      if let parameter = parameter("rate", word) {
        guard let parsed = self.rate(parameter.text, at: parameter.place) else { return }
        rate = parsed
      } else {
        guard let parsed = self.zone(word) else { return }
        zone = parsed
      }
    }
    guard let zone, let rate else {
      return reporter.error(
        use.name.place, "\"limit_req_zone\" needs a zone and a rate",
        expected: "limit_req_zone KEY zone=NAME:SIZE rate=NUMBERr/s;")
    }
    declare(use, zone, rate: rate)
  }

  fileprivate func connectionZone(_ use: DirectiveUse) {
    guard let zone = zone(use.arguments[1]) else { return }
    declare(use, zone, rate: 0)
  }

  private func declare(
    _ use: DirectiveUse, _ zone: (name: String, bytes: UInt64), rate: UInt64
  ) {
    let key = use.arguments[0]
    guard let template = template(key) else { return }
    if let twin = limitZones[zone.name] {
      let line = reporter.describe(twin.place, from: use.name.place)
      return reporter.error(
        use.name.place, "the zone \"\(zone.name)\" is already declared at \(line)")
    }
    limitZones[zone.name] = LimitZoneDeclaration(
      place: use.name.place, keyText: key.text, key: template, rate: rate, bytes: zone.bytes)
  }

  /// `zone=NAME:SIZE`
  private func zone(_ word: Word) -> (name: String, bytes: UInt64)? {
    guard let parameter = parameter("zone", word), let colon = parameter.text.firstIndex(of: ":")
    else {
      invalidValue(word, expected: ["zone=NAME:SIZE"])
      return nil
    }
    let name = String(parameter.text[..<colon])
    let size = String(parameter.text[parameter.text.index(after: colon)...])
    guard !name.isEmpty, let bytes = Units.byteCount(size), Limits.zoneBytes.contains(bytes) else {
      reporter.error(
        parameter.place, "invalid zone \"\(parameter.text)\"",
        expected: "a name and a size from 32k to 16g, such as one:10m")
      return nil
    }
    return (name, bytes)
  }

  /// Thousandths of requests a second.
  private func rate(_ text: String, at place: Place) -> UInt64? {
    let seconds: UInt64? = text.hasSuffix("r/s") ? 1 : text.hasSuffix("r/m") ? 60 : nil
    let digits = text.dropLast(3)
    guard let seconds, let number = UInt64(digits), (1...Limits.requestRate).contains(number) else {
      reporter.error(
        place, "invalid rate \"\(text)\"", expected: "a number of requests, such as 10r/s or 30r/m")
      return nil
    }
    return number * 1000 / seconds
  }

  fileprivate func requestLimit(_ use: DirectiveUse) {
    var zone: Word?
    var limit: RequestLimitSetting?
    var burst: UInt64 = 0
    var undelayed: UInt64? = 0
    for word in use.arguments {
      if let parameter = parameter("zone", word), !parameter.text.isEmpty {
        var name = word
        (name.text, name.place) = (parameter.text, parameter.place)
        zone = name
      } else if let parameter = parameter("burst", word) {
        guard let number = number(parameter.text, at: parameter.place, Limits.requestBurst)
        else { return }
        burst = number
      } else if let parameter = parameter("delay", word) {
        guard let number = number(parameter.text, at: parameter.place, Limits.requestBurst)
        else { return }
        undelayed = number
      } else if word.text == "nodelay" {
        undelayed = nil
      } else {
        let expected = ["zone=NAME", "burst=NUMBER", "nodelay", "delay=NUMBER"]
        return invalidValue(word, expected: expected)
      }
    }
    if let zone { limit = RequestLimitSetting(zone: zone, burst: burst, undelayed: undelayed) }
    guard let limit else {
      return reporter.error(
        use.name.place, "\"limit_req\" names no zone", expected: "limit_req zone=NAME;")
    }
    let isTwin = settings.admission.requestLimits.contains { $0.zone.text == limit.zone.text }
    guard !isTwin else {
      return reporter.error(
        limit.zone.place, "the zone \"\(limit.zone.text)\" limits this block already")
    }
    settings.admission.requestLimits.append(limit)
  }

  fileprivate func connectionLimit(_ use: DirectiveUse) {
    let zone = use.arguments[0]
    guard let maximum = number(use.arguments[1], 1...65_535) else { return }
    let isTwin = settings.admission.connectionLimits.contains { $0.zone.text == zone.text }
    guard !isTwin else {
      return reporter.error(zone.place, "the zone \"\(zone.text)\" limits this block already")
    }
    guard settings.admission.connectionLimits.count < Limits.connectionLimits else {
      return reporter.error(
        use.name.place, "a block has at most \(Limits.connectionLimits) \"limit_conn\"")
    }
    settings.admission.connectionLimits.append(
      ConnectionLimitSetting(zone: zone, maximum: UInt32(maximum)))
  }
}
