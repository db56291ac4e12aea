// What a log file is still to get, whoever writes it next. Pure: the kernel and the simulated one
// write by the same rules.

import Basics

/// The lines that an open file owes its readers: the end of a line of which it took only a part,
/// and the lines of writers that have ended.
///
/// A line counts as taken once its begin is in the file. Its end goes first whenever anybody writes
/// to the file again, so that nothing comes to stand in the middle of it.
public struct OwedLines: Sendable {
  /// The end of a line whose begin is in the file.
  private var rest: [UInt8] = []
  /// Whole lines, from `leftStart` on.
  private var left: [UInt8] = []
  private var leftStart = 0

  /// Nothing is owed.
  public init() {}

  /// False when the file ends in the middle of a line.
  public var isWhole: Bool { rest.isEmpty }
  /// Bytes that are owed.
  public var byteCount: Int { rest.count + left.count - leftStart }
  /// True when nothing is owed.
  public var isEmpty: Bool { byteCount == 0 }
  /// Lines that are owed, one that was torn included.
  public var lineCount: Int {
    (isWhole ? 0 : 1) + left[leftStart...].reduce(0) { $0 + ($1 == Self.lineEnd ? 1 : 0) }
  }

  private static var lineEnd: UInt8 { 0x0a }

  /// How many bytes of `lines` are written at once: whole lines of at most `limit` bytes in all, or
  /// one that is longer.
  public static func piece(of lines: UnsafeRawBufferPointer, limit: Int) -> Int {
    if lines.count <= limit { return lines.count }
    if let end = lines[..<limit].lastIndex(of: lineEnd) { return end + 1 }
    return wholeCount(of: lines, written: limit)
  }

  /// How many bytes of `lines` count as taken when that many were written: up to the end of a line.
  public static func wholeCount(of lines: UnsafeRawBufferPointer, written: Int) -> Int {
    if written == 0 || lines[written - 1] == lineEnd { return written }
    return lines[written...].firstIndex(of: lineEnd).map { $0 + 1 } ?? lines.count
  }

  /// Notes that the file got only the first `written` bytes of `lines`. Returns how many bytes
  /// count as taken.
  public mutating func tear(_ lines: UnsafeRawBufferPointer, written: Int) -> Int {
    let end = Self.wholeCount(of: lines, written: written)
    if isWhole {
      rest = Array(lines[written..<end])
    } else {
      // Two writers were cut at the same moment, which the lock can't prevent: the second line
      // comes again, whole.
      let begin = lines[..<written].lastIndex(of: Self.lineEnd).map { $0 + 1 } ?? 0
      left.append(contentsOf: lines[begin..<end])
    }
    return end
  }

  /// Writes what is owed of a torn line. Nil when nothing is owed of one any more.
  public mutating func complete(
    _ write: (UnsafeRawBufferPointer) -> WriteResult
  ) -> WriteResult? {
    while !rest.isEmpty {
      let result = rest.withUnsafeBytes(write)
      guard case .bytes(let count) = result, count > 0 else { return result }
      rest.removeFirst(count)
    }
    return nil
  }

  /// Appends whole lines, in pieces of at most `limit` bytes, as far as the file takes them; what
  /// is owed of a torn line goes first. Lines that others have left may go later.
  public mutating func append(
    _ lines: UnsafeRawBufferPointer, limit: Int,
    _ write: (UnsafeRawBufferPointer) -> WriteResult
  ) -> WriteResult {
    if let result = complete(write) { return result }
    var taken = 0
    while taken < lines.count {
      let waiting = UnsafeRawBufferPointer(rebasing: lines[taken...])
      let size = Self.piece(of: waiting, limit: limit)
      let result = write(UnsafeRawBufferPointer(rebasing: waiting[..<size]))
      guard case .bytes(let count) = result, count > 0 else {
        return taken > 0 ? .bytes(taken) : result
      }
      taken += tear(waiting, written: count)
      if count < size { return .bytes(taken) }
    }
    return .bytes(taken)
  }

  /// Takes over as many whole lines as fit, if at most `limit` bytes may be owed. Returns how many
  /// bytes they have.
  public mutating func leave(_ lines: UnsafeRawBufferPointer, limit: Int) -> Int {
    let room = limit - byteCount
    var count = min(room, lines.count)
    while count > 0 && lines[count - 1] != Self.lineEnd { count -= 1 }
    guard count > 0 else { return 0 }
    left.removeFirst(leftStart)
    leftStart = 0
    left.append(contentsOf: lines[..<count])
    return count
  }

  /// Writes one piece of what is owed. True when the file took something.
  public mutating func carryOn(
    limit: Int, _ write: (UnsafeRawBufferPointer) -> WriteResult
  ) -> Bool {
    let before = byteCount
    guard complete(write) == nil, leftStart < left.count else { return byteCount < before }
    let result = left.withUnsafeBytes { bytes -> (written: Int, taken: Int, rest: [UInt8]) in
      let waiting = UnsafeRawBufferPointer(rebasing: bytes[leftStart...])
      let size = Self.piece(of: waiting, limit: limit)
      let piece = UnsafeRawBufferPointer(rebasing: waiting[..<size])
      guard case .bytes(let count) = write(piece), count > 0 else { return (0, 0, []) }
      let end = Self.wholeCount(of: waiting, written: count)
      return (count, end, Array(waiting[count..<end]))
    }
    leftStart += result.taken
    rest = result.rest
    if leftStart == left.count {
      left = []
      leftStart = 0
    }
    return byteCount < before
  }
}
