import Basics
import Plan
import Policy

/// Lists that many places inherit, made ready for the plan once: a conf file's cost must not be
/// the number of its locations times the length of what they inherit.
struct SharedLists<Element, Made> {
  /// Where a list lies; what it stands beside may decide what is made of it.
  private struct Key: Hashable {
    var address: UnsafeRawPointer?
    var count: Int
    var context: [String]
  }

  // The lists are kept, so that no other one can come to lie where one was.
  private var known: [Key: (list: [Element], made: Made)] = [:]

  /// What `make` makes of `list`, or made of it before.
  mutating func made(
    of list: [Element], context: [String] = [], _ make: ([Element]) -> Made
  ) -> Made {
    let address = list.withUnsafeBytes { $0.baseAddress }
    let key = Key(address: address, count: list.count, context: context)
    if let found = known[key] { return found.made }
    let made = make(list)
    known[key] = (list, made)
    return made
  }
}

extension TrustSetting {
  /// The set in `arena`.
  func freeze(
    _ arena: Arena, _ shared: inout SharedLists<Network, FrozenArray<Network>>
  ) -> PeerTrust {
    PeerTrust(
      includesAll: includesAll, includesUnix: includesUnix, includesVerified: includesVerified,
      networks: shared.made(of: networks) { arena.freeze(PeerTrust.ordered($0)) })
  }
}
