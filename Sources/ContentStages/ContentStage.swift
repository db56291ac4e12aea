/// What follows the bytes that a stage is offered.
public enum ContentEnd: UInt8, Sendable, BitwiseCopyable {
  /// More is to come.
  case more
  /// Nothing for now: what was taken is to leave, as far as more can't change it.
  case flush
  /// Nothing: it is the content's end.
  case last
}

/// How far a stage has come.
public enum StageState: UInt8, Sendable, BitwiseCopyable {
  /// It has taken everything that it was offered, and given what that came to.
  case needsInput
  /// It has more to give than there was room for.
  case needsRoom
  /// It has given everything. It must not be asked again.
  case ended
  /// It has done as much as it may at a time; it can go on at once.
  case paused
}

/// Content that a stage can't read.
public struct ContentStageError: Error, Equatable {
  /// What is wrong with it, as the end of a sentence.
  public let reason: StaticString

  init(_ reason: StaticString) { self.reason = reason }

  /// Two errors are equal when they say the same.
  public static func == (left: ContentStageError, right: ContentStageError) -> Bool {
    left.reason.description == right.reason.description
  }
}

extension UnsafeRawBufferPointer {
  /// Leaves the last `count` bytes.
  mutating func keepLast(_ count: Int) { self = Self(rebasing: self[(self.count - count)...]) }
}

extension UnsafeMutableRawBufferPointer {
  /// Leaves the last `count` bytes.
  mutating func keepLast(_ count: Int) { self = Self(rebasing: self[(self.count - count)...]) }
}
