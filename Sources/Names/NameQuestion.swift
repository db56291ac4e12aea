// What is asked about names, and what comes of it.

import Basics
import HTTP
import Policy

/// How names are looked up: `resolver`.
public struct ResolverSettings: Hashable, Sendable {
  /// The name servers with their ports; empty for the system's configuration, with its search
  /// domains and its file of hosts.
  public var servers: [PeerAddress] = []
  /// `valid=`: how long an answer holds, whatever its TTL says; nil for the TTL.
  public var validity: Interval?
  /// `ipv4=`
  public var usesIPv4 = true
  /// `ipv6=`
  public var usesIPv6 = true

  /// The system's configuration.
  public init() {}
}

/// A name that is looked up.
public struct NameQuestion: Hashable, Sendable {
  /// The name, in lowercase.
  public var name: [UInt8]
  /// True when its SRV records are meant, which name hosts and ports.
  public var isService: Bool
  /// Who is asked.
  public var resolver: ResolverSettings

  /// The question given.
  public init(name: [UInt8], isService: Bool = false, resolver: ResolverSettings) {
    self.name = name
    self.isService = isService
    self.resolver = resolver
  }

  /// What is asked for, each kind on its own.
  public var kinds: [RecordKind] {
    if isService { return [.service] }
    return (resolver.usesIPv4 ? [.ipv4] : []) + (resolver.usesIPv6 ? [.ipv6] : [])
  }

  /// True for what may be a name in the DNS: at most 253 letters, digits, `-`, `_` and dots, in
  /// labels of 1 to 63. Nothing else is asked for.
  public static func isName(_ bytes: Span<UInt8>) -> Bool {
    var label = 0
    var count = bytes.count
    if count > 1, bytes[count - 1] == UInt8(ascii: ".") { count -= 1 }
    guard count >= 1, count <= 253 else { return false }
    for index in 0..<count {
      switch bytes[index] {
      case UInt8(ascii: "."):
        guard label > 0 else { return false }
        label = 0
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        label += 1
        guard label <= 63 else { return false }
      default: return false
      }
    }
    return label > 0
  }
}

/// The kinds of records that are asked for.
public enum RecordKind: UInt8, Sendable {
  /// A
  case ipv4
  /// AAAA
  case ipv6
  /// SRV, and the addresses of the hosts that they name.
  case service
}

/// An address that a name has.
public struct NameAddress: Hashable, Sendable {
  /// The address; its port is 0 unless an SRV record says one.
  public var address: PeerAddress
  /// The weight of the SRV record; nil without one.
  public var weight: UInt16?
  /// An SRV record with a lower priority value names others.
  public var isBackup = false

  /// An address without any more.
  public init(_ address: PeerAddress) { self.address = address }
}

/// What came of a question.
public enum NameOutcome: Equatable, Sendable {
  /// The addresses, and how long they hold.
  case addresses([NameAddress], Interval)
  /// There are none: the name does not exist, or has no record of that kind.
  case absent
  /// It is not known.
  case failed(NameFailure)
}

/// Why nothing is known of a name.
public enum NameFailure: UInt8, Equatable, Sendable {
  case timedOut, serverFailure, refused, malformed, unreachable, tooMany, invalid, other

  /// What logs say.
  public var text: StaticString {
    switch self {
    case .timedOut: "no name server has answered in time"
    case .serverFailure: "the name server has failed (SERVFAIL)"
    case .refused: "the name server refuses to answer (REFUSED)"
    case .malformed: "the answer of the name server makes no sense"
    case .unreachable: "no name server has given an answer"
    case .tooMany: "too many names are being looked up"
    case .invalid: "it is no host name"
    case .other: "the lookup has failed"
    }
  }
}
