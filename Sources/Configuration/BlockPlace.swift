/// Where a block of the conf file stands that became an entry of the plan, for who explains it.
public struct BlockPlace: Sendable {
  /// The block as people call it: `shop.example`, `location = /path`.
  public var title: String
  /// `file:line`
  public var source: String
}
