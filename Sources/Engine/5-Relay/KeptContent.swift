// Where a request's content lies while it is read whole before a backend is asked.

import Basics
import HTTP
import Platform
import Policy

/// Files with content that several exchanges read: a request and its mirrors.
struct SharedFiles {
  /// How many exchanges have each besides the one that will close it.
  private var others: [Int32: Int] = [:]

  /// Notes that one more exchange has a file.
  mutating func share(_ file: Descriptor) {
    precondition(file != .none, "share: there is no file")
    others[file.number, default: 0] += 1
  }

  /// Takes one exchange less; true when another one still has the file.
  mutating func letGo(of file: Descriptor) -> Bool {
    guard !others.isEmpty, let count = others[file.number] else { return false }
    precondition(count > 0, "letGo: nobody else had it")
    others[file.number] = count == 1 ? nil : count - 1
    return true
  }
}

/// A request's content that has been kept: what went to the file first, then what is in memory.
struct KeptContent: BitwiseCopyable {
  /// True once something was kept, be it only the fact that the content is empty: `dropKept` makes
  /// it as good as new.
  var isUsed = false
  /// All of the request's content is here, and its length is known.
  var isWhole = false
  /// Holds what is in memory.
  var memory = Buffer.none
  var memoryCount: UInt32 = 0
  /// Holds what did not fit there; it stands before what is in memory.
  var file = Descriptor.none
  var fileCount: UInt64 = 0
  /// What was read of the file and is being sent.
  var piece = Buffer.none
  /// Bytes that have been handed on in the try under way.
  var sentCount: UInt64 = 0

  /// Bytes in all.
  @inline(__always) var count: UInt64 { fileCount &+ UInt64(memoryCount) }

  /// True when some of it has not been handed on in this try.
  @inline(__always) var hasMore: Bool { sentCount < count }
}
