import Basics

extension Span where Element == UInt8 {
  /// A line without the zeros around it, which no writer has put there: a crash of the machine
  /// leaves them behind the last line, emptying a file that its writer does not append to before
  /// the next one.
  @inline(__always) public func withoutHoles(_ line: Range<Int>) -> Range<Int> {
    if line.isEmpty || (self[line.lowerBound] != 0 && self[line.upperBound &- 1] != 0) {
      return line
    }
    return trimmed(line)
  }

  @inline(never) private func trimmed(_ line: Range<Int>) -> Range<Int> {
    var (start, end) = (line.lowerBound, line.upperBound)
    while start < end, self[start] == 0 { start &+= 1 }
    while end > start, self[end &- 1] == 0 { end &-= 1 }
    return start..<end
  }
}
