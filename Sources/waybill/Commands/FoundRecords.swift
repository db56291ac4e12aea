// What a search has found in one file: whole records, though the file is read in blocks.

import Basics
import LogReading
import Platform
import Policy
import Synchronization

/// Collects the records of a file, from several threads.
final class FoundRecords: Sendable {
  /// Records kept, and their bytes.
  static let mostRecords = 20_000
  private static let mostBytes = 16 << 20

  /// A record and the line in it that was found.
  private struct Found {
    var record: FoundLine
    /// Where the line begins in the file, and its length.
    var place: UInt64
    var count: Int
    /// What belongs to the record may be in another block.
    var isOpen: Bool
  }

  private struct Content {
    var found: [Found] = []
    var bytesLeft = FoundRecords.mostBytes
    var isCut = false
    /// What was read last of a file that can be read from its beginning only.
    var tail: [UInt8] = []
    var tailOffset: UInt64 = 0
  }

  private let file: ReadableFile
  private let number: Int
  private let bounds: RecordBounds
  /// True when no block can be read again.
  private let isSequential: Bool
  private let content = Mutex(Content())

  /// Collects records of `file`, which has this number among the files.
  init(_ file: ReadableFile, number: Int, bounds: RecordBounds) {
    self.file = file
    self.number = number
    self.bounds = bounds
    isSequential = !LineBlocks.canReadEnd(of: file)
  }

  /// Adds what `search` finds in a block.
  func add(_ block: LineBlocks.Block, _ search: LineSearch) {
    var found: [Found] = []
    var end = 0
    search.forEachHit(in: block.bytes.span) { hit in
      // A record may have the ID in several lines.
      if hit.line.lowerBound < end {
        if hit.isExact, let last = found.indices.last, !found[last].record.isExact {
          (found[last].record.id, found[last].record.isExact) = (hit.id, true)
          found[last].record.isNamed = hit.isNamed
        }
        return
      }
      let record = bounds.record(in: block.bytes.span, around: hit.line, notBefore: end)
      end = record.range.upperBound
      found.append(
        Found(
          record: FoundLine(
            file: number, offset: block.offset + UInt64(record.range.lowerBound),
            text: Array(block.bytes[record.range]), id: hit.id, isExact: hit.isExact,
            isNamed: hit.isNamed),
          place: block.offset + UInt64(hit.line.lowerBound), count: hit.line.count,
          isOpen: record.mayBeginEarlier || record.mayGoOn))
    }
    content.withLock { content in
      keep(found, in: &content)
      if isSequential { carryOn(block, &content) }
    }
  }

  /// The records, and whether there were more.
  var taken: (lines: [FoundLine], isCut: Bool) {
    content.withLock { content in
      if !isSequential {
        for index in content.found.indices where content.found[index].isOpen {
          complete(&content.found[index], &content.bytesLeft)
        }
      }
      return (content.found.map(\.record), content.isCut)
    }
  }

  private func keep(_ found: [Found], in content: inout Content) {
    for one in found {
      guard content.found.count < FoundRecords.mostRecords,
        content.bytesLeft >= one.record.text.count
      else {
        content.isCut = true
        return
      }
      content.bytesLeft -= one.record.text.count
      content.found.append(one)
    }
  }

  /// Reads what surrounds a record again.
  private func complete(_ found: inout Found, _ bytesLeft: inout Int) {
    let before = min(found.place, UInt64(Limits.recordBytes))
    let count = Int(before) + found.count + Limits.recordBytes
    guard case .success(let bytes) = file.bytes(at: found.place - before, count: count) else {
      return
    }
    // The first line of these is cut.
    let start = before < found.place ? 1 : 0
    renew(&found, bytes, at: found.place - before, notBefore: start, &bytesLeft)
  }

  /// Finds the record anew in `bytes`, which have more of what surrounds it; nil when that is not
  /// possible.
  @discardableResult private func renew(
    _ found: inout Found, _ bytes: [UInt8], at offset: UInt64, notBefore start: Int,
    _ bytesLeft: inout Int
  ) -> RecordBounds.Record? {
    let place = Int(found.place - offset)
    guard place + found.count <= bytes.count else { return nil }
    let record = bounds.record(
      in: bytes.span, around: place..<(place + found.count), notBefore: start)
    let added = record.range.count - found.record.text.count
    guard added <= bytesLeft else { return nil }
    bytesLeft -= added
    found.record.offset = offset + UInt64(record.range.lowerBound)
    found.record.text = Array(bytes[record.range])
    return record
  }

  /// Completes records that have begun in earlier blocks, as far as this one goes.
  private func carryOn(_ block: LineBlocks.Block, _ content: inout Content) {
    content.tail += block.bytes
    for index in content.found.indices.reversed() where content.found[index].isOpen {
      guard content.found[index].place >= content.tailOffset else { break }
      let record = renew(
        &content.found[index], content.tail, at: content.tailOffset, notBefore: 0,
        &content.bytesLeft)
      content.found[index].isOpen = record?.mayGoOn ?? false
    }
    let excess = content.tail.count - 2 * Limits.recordBytes
    guard excess > 2 * Limits.recordBytes else { return }
    content.tail.removeFirst(excess)
    content.tailOffset += UInt64(excess)
  }
}
