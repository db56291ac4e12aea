import Basics
import HTTP

/// The text of a Date field, made anew once a second and not for each response.
struct CurrentDate: ~Copyable {
  /// The text for the second last asked for.
  private(set) var text = InlineBytes<29>()
  private var second = UInt64.max

  mutating func update(secondsSince1970: UInt64) {
    guard secondsSince1970 != second else { return }
    precondition(IMFDate.byteCount <= 29, "update: the text is longer than its place")
    second = secondsSince1970
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: IMFDate.byteCount) { memory in
      var writer = ByteWriter(memory)
      IMFDate.write(secondsSince1970: secondsSince1970, into: &writer)
      text.assign(writer.span)
    }
  }
}
