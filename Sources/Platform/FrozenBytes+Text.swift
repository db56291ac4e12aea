// Paths of the plan as text, for calls that are made once or when something goes wrong.

import Basics

extension FrozenArray where Element == UInt8 {
  /// The bytes as text; what is not UTF-8 is replaced. Allocates.
  public var text: String { String(decoding: indices.map { self[$0] }, as: UTF8.self) }
}
