import Basics
import HTTP

/// `resolver`
struct ResolverSetting: Hashable {
  /// The name servers; none for the system's configuration.
  var servers: [PeerAddress] = []
  var validity: Interval?
  var usesIPv4 = true
  var usesIPv6 = true
}

/// `resolver`, `resolver_timeout`
struct NameSettings {
  var resolver: ResolverSetting?
  var timeout: Interval?

  func inheriting(_ outer: NameSettings) -> NameSettings {
    NameSettings(resolver: resolver ?? outer.resolver, timeout: timeout ?? outer.timeout)
  }
}
