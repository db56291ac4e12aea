// A log that is being written: what is added to it, whatever rotation does to its name meanwhile.

import Basics
import Glibc

/// Follows the file that a path names.
///
/// When the path names another file than before, the old one is read to its end first, and what its
/// writer still adds to it later is shown, too: it may not have heard of the change yet. Files that
/// have come and been rotated away between two calls, and perhaps been packed by gzip, are read in
/// their order. When a file has been emptied (`copytruncate`), what it had gained is read from its
/// copy, and it from its beginning again. A path that names nothing is waited for.
public final class FollowedFile {
  /// The path followed.
  public let path: String
  /// Why what the path names now is not read; nil when it is, or is not there yet.
  public private(set) var problem: KernelError?
  private var file: ReadableFile?
  private var offset: UInt64 = 0
  /// A line of which the end has not come yet.
  private var unfinished: [UInt8] = []
  /// What precedes `offset`: when that changes, the file has been emptied.
  private var known: [UInt8] = []
  /// How the newest copy began when the present file did; none when there was no copy. As long as
  /// nothing of the file is known, only a new copy shows that it has been emptied.
  private var newestCopy: [UInt8] = []
  /// Calls in which the present file was not found among those rotated away.
  private var searches = 0
  /// Another file has been seen under the path, but the old one may still grow.
  private var isReplaced = false
  /// Files that follow the present one; they have been rotated away, too, but for the last, which
  /// is not packed.
  private var next: [ReadableFile] = []
  /// The file before the present one, to which somebody may still write.
  private var former: Former?
  /// What rotation has made of the log, oldest first.
  private let rotated: () -> [String]

  private struct Former {
    let file: ReadableFile
    var offset: UInt64
    var unfinished: [UInt8]
    /// Calls since something came.
    var silence = 0
  }

  /// Bytes read at once.
  private static let piece = 1 << 18
  /// Bytes by which a file is recognised.
  private static let knownBytes = 512
  /// Calls after which a line of the former file will not be ended any more.
  private static let mostSilence = 25
  /// Bytes of a packed copy that are unpacked at most.
  private static let unpackedBytes = 16 << 20
  /// Rotations between two calls that are looked for.
  private static let mostRotations = 16
  /// Calls for which a rotation that is under way is waited for.
  private static let mostSearches = 3

  /// Follows `path` from about `tail` bytes before the end of its present file on; what `tail`
  /// cuts of a line is left out. `rotated` tells the paths of what rotation has made of it, oldest
  /// first.
  public init(path: String, tail: Int, rotated: @escaping () -> [String] = { [] }) {
    self.path = path
    self.rotated = rotated
    guard case .success(let file) = ReadableFile.open(path: path, waits: false) else {
      return
    }
    self.file = file
    newestCopy = beginningOfNewestCopy()
    let size = file.size
    guard size > UInt64(tail), file.kind == .regular else { return }
    offset = size - UInt64(tail)
    let skipped = (try? file.bytes(at: offset, count: tail).get()) ?? []
    let end = skipped.span.index(of: UInt8(ascii: "\n"), from: 0)
    offset += UInt64(min(skipped.count, end + 1))
    known = Array(skipped.prefix(end + 1).suffix(FollowedFile.knownBytes))
  }

  /// The whole lines that have come since the last call; empty when there is nothing new.
  public func read() -> [UInt8] {
    guard let open = file else {
      openAgain()
      return []
    }
    if open.kind == .regular, isEmptied(open) { return beginAgain(open) }
    if offset == 0, isEmptiedUnread(open) { return takeCopies(before: open) }
    var added = (try? open.bytes(at: offset, count: FollowedFile.piece).get()) ?? []
    offset += UInt64(added.count)
    if added.isEmpty { return noteReplacement(of: open) }
    known = Array((known + added.suffix(FollowedFile.knownBytes)).suffix(FollowedFile.knownBytes))
    // A hole that a writer has left that does not append may be larger than any line.
    if unfinished.isEmpty, added[0] == 0 { added = Array(added.drop { $0 == 0 }) }
    unfinished += added
    let lines = FollowedFile.takeLines(&unfinished)
    // No line is as long: what can't be shown shall not fill the memory.
    if unfinished.count > LineBlocks.longestLine { unfinished.removeAll() }
    return lines
  }

  private static func takeLines(_ text: inout [UInt8]) -> [UInt8] {
    guard let end = text.span.lastIndex(of: UInt8(ascii: "\n"), before: text.count) else {
      return []
    }
    defer { text.removeFirst(end + 1) }
    return Array(text[...end])
  }

  /// A last line that nobody will end any more.
  private func takeRest() -> [UInt8] {
    defer { unfinished.removeAll() }
    return unfinished.isEmpty ? [] : unfinished + [UInt8(ascii: "\n")]
  }

  // MARK: Other files under the same name

  /// Goes over to the next file once the present one has been silent for a turn. What that ended
  /// with is a line, complete or not.
  private func noteReplacement(of open: ReadableFile) -> [UInt8] {
    if !next.isEmpty { return takeRest() + goToNext() + read() }
    let late = readFormer()
    if !late.isEmpty { return late }
    let present = ReadableFile.identity(ofPath: path)
    guard open.kind == .regular, present != nil, present != open.identity else {
      isReplaced = false
      return []
    }
    guard isReplaced else {
      isReplaced = true
      return []
    }
    let between = filesBetween(open)
    if between == nil, searches < FollowedFile.mostSearches {
      searches += 1
      return []
    }
    let before = Former(file: open, offset: offset, unfinished: unfinished)
    // What can't be read in its place (a folder, a FIFO) is waited for to go.
    guard openAgain() else { return [] }
    let rest = former.map(FollowedFile.ended) ?? []
    former = before
    if let newest = file { next = (between ?? []) + [newest] }
    return rest + goToNext() + read()
  }

  /// Goes over to the next file. Returns the lines of those before it that have been packed.
  private func goToNext() -> [UInt8] {
    precondition(!next.isEmpty, "goToNext: there is none")
    var lines: [UInt8] = []
    while let file = next.first {
      next.removeFirst()
      guard GzipStream.isGzip(file) else {
        go(to: file)
        break
      }
      var text = FollowedFile.unpack(file, from: 0)
      lines += FollowedFile.takeLines(&text)
      if !text.isEmpty { lines += text + [UInt8(ascii: "\n")] }
    }
    return lines
  }

  /// The line that was begun last, as if it had ended.
  private static func ended(_ former: Former) -> [UInt8] {
    former.unfinished.isEmpty ? [] : former.unfinished + [UInt8(ascii: "\n")]
  }

  /// Files that took the place of `open` and were rotated away themselves, oldest first; nil when
  /// it is not there among them.
  private func filesBetween(_ open: ReadableFile) -> [ReadableFile]? {
    var later: [ReadableFile] = []
    for file in newestRotated() {
      let isPackedCopy = GzipStream.isGzip(file) && unpackedRest(file) != nil
      if file.identity == open.identity || isPackedCopy { return later.reversed() }
      later.append(file)
    }
    return nil
  }

  /// What rotation has made of the log and can be read here, newest first.
  private func newestRotated() -> [ReadableFile] {
    rotated().suffix(FollowedFile.mostRotations).reversed().compactMap {
      try? ReadableFile.open(path: $0, waits: false).get()
    }.filter { LineBlocks.canReadEnd(of: $0) || GzipStream.isGzip($0) }
  }

  /// What has been added to the former file since it was left. A line that it has only begun is
  /// shown when nobody has ended it for a while.
  private func readFormer() -> [UInt8] {
    guard var old = former else { return [] }
    let added = (try? old.file.bytes(at: old.offset, count: FollowedFile.piece).get()) ?? []
    old.silence = added.isEmpty ? old.silence + 1 : 0
    if added.isEmpty {
      let rest = old.silence == FollowedFile.mostSilence ? FollowedFile.ended(old) : []
      if !rest.isEmpty { old.unfinished = [] }
      former = old
      return rest
    }
    old.offset += UInt64(added.count)
    old.unfinished += added
    let lines = FollowedFile.takeLines(&old.unfinished)
    former = old
    return lines
  }

  /// Goes over to what the path names now; false when that can't be read.
  @discardableResult
  private func openAgain() -> Bool {
    let opened = ReadableFile.open(path: path, waits: false)
    guard case .success(let file) = opened else {
      if case .failure(let error) = opened, error.code != ENOENT { problem = error }
      return false
    }
    problem = nil
    isReplaced = false
    go(to: file)
    return true
  }

  private func go(to file: ReadableFile) {
    self.file = file
    offset = 0
    unfinished.removeAll()
    known.removeAll()
    searches = 0
    newestCopy = beginningOfNewestCopy()
  }

  // MARK: Emptied files

  /// Whether what was read of a file is no longer in it.
  private func isEmptied(_ open: ReadableFile) -> Bool {
    let size = open.size
    if size < offset { return true }
    // Nothing was added: nothing can be in the place of what was there.
    guard size > offset, !known.isEmpty else { return false }
    let before = try? open.bytes(at: offset - UInt64(known.count), count: known.count).get()
    return before.map { $0 != known } ?? false
  }

  /// Goes on in the copy that was made before the file was emptied, if there is one, then with the
  /// file's beginning.
  private func beginAgain(_ open: ReadableFile) -> [UInt8] {
    var later: [ReadableFile] = []
    for copy in newestRotated() where copy.identity != open.identity {
      if GzipStream.isGzip(copy), let rest = unpackedRest(copy) {
        unfinished += rest
        let lines = FollowedFile.takeLines(&unfinished) + takeRest()
        next = later.reversed() + [open] + next
        return lines + goToNext() + read()
      }
      if !GzipStream.isGzip(copy), isCopy(copy) {
        next = later.reversed() + [open] + next
        file = copy
        return read()
      }
      later.append(copy)
    }
    let rest = takeRest()
    go(to: open)
    return rest + read()
  }

  /// Whether a file of which nothing has been read was filled, copied and emptied meanwhile.
  private func isEmptiedUnread(_ open: ReadableFile) -> Bool {
    open.kind == .regular && ReadableFile.identity(ofPath: path) == open.identity
      && beginningOfNewestCopy() != newestCopy
  }

  /// Goes on in the copies that have been made since the present file began.
  private func takeCopies(before open: ReadableFile) -> [UInt8] {
    var later: [ReadableFile] = []
    for copy in newestRotated() where copy.identity != open.identity {
      if FollowedFile.beginning(of: copy) == newestCopy { break }
      later.append(copy)
    }
    next = later.reversed() + [open] + next
    return goToNext() + read()
  }

  private func beginningOfNewestCopy() -> [UInt8] {
    newestRotated().first.map(FollowedFile.beginning) ?? []
  }

  private static func beginning(of file: ReadableFile) -> [UInt8] {
    guard GzipStream.isGzip(file) else {
      return (try? file.bytes(at: 0, count: knownBytes).get()) ?? []
    }
    return Array(unpack(file, from: 0, atMost: knownBytes).prefix(knownBytes))
  }

  private func isCopy(_ copy: ReadableFile) -> Bool {
    guard !known.isEmpty, offset >= UInt64(known.count) else { return false }
    let before = try? copy.bytes(at: offset - UInt64(known.count), count: known.count).get()
    return before == known
  }

  /// What follows `offset` in a packed copy; nil when it is none.
  private func unpackedRest(_ copy: ReadableFile) -> [UInt8]? {
    guard !known.isEmpty, offset >= UInt64(known.count) else { return nil }
    let kept = FollowedFile.unpack(copy, from: offset - UInt64(known.count))
    guard kept.starts(with: known) else { return nil }
    return Array(kept.dropFirst(known.count))
  }

  /// What a packed file holds from an offset on.
  private static func unpack(
    _ file: ReadableFile, from start: UInt64, atMost limit: Int = unpackedBytes
  ) -> [UInt8] {
    let stream = GzipStream(file)
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: FollowedFile.piece, alignment: 16)
    defer { memory.deallocate() }
    var position: UInt64 = 0
    var kept: [UInt8] = []
    while kept.count < limit,
      case .success(let count) = stream.read(into: memory), count > 0
    {
      let end = position + UInt64(count)
      if end > start {
        kept += memory[Int(max(start, position) - position)..<count]
      }
      position = end
    }
    return kept
  }
}
