// A log that is being written: what is added to it, whatever rotation does to its name meanwhile.

import Basics
import Glibc

/// Follows the file that a path names.
///
/// When the path names another file than before, the old one is read to its end first: its writer
/// may not have heard of the change yet. When a file has become shorter it is read from its
/// beginning again. A path that names nothing is waited for.
public final class FollowedFile {
  /// The path followed.
  public let path: String
  /// Why what the path names now is not read; nil when it is, or is not there yet.
  public private(set) var problem: KernelError?
  private var file: ReadableFile?
  private var offset: UInt64 = 0
  /// A line of which the end has not come yet.
  private var unfinished: [UInt8] = []
  /// Another file has been seen under the path, but the old one may still grow.
  private var isReplaced = false

  /// Bytes read at once.
  private static let piece = 1 << 18

  /// Follows `path` from about `tail` bytes before the end of its present file on; what `tail`
  /// cuts of a line is left out.
  public init(path: String, tail: Int) {
    self.path = path
    guard case .success(let file) = ReadableFile.open(path: path, waits: false) else {
      return
    }
    self.file = file
    let size = file.size
    guard size > UInt64(tail), file.kind == .regular else { return }
    offset = size - UInt64(tail)
    let skipped = (try? file.bytes(at: offset, count: tail).get()) ?? []
    let end = skipped.span.index(of: UInt8(ascii: "\n"), from: 0)
    offset += UInt64(min(skipped.count, end + 1))
  }

  /// The whole lines that have come since the last call; empty when there is nothing new.
  public func read() -> [UInt8] {
    guard let open = file else {
      openAgain()
      return []
    }
    if open.kind == .regular, open.size < offset { restart() }
    let added = (try? open.bytes(at: offset, count: FollowedFile.piece).get()) ?? []
    offset += UInt64(added.count)
    if added.isEmpty { return noteReplacement(of: open) }
    unfinished += added
    let end = unfinished.span.lastIndex(of: UInt8(ascii: "\n"), before: unfinished.count)
    guard let end else {
      // No line is as long: what can't be shown shall not fill the memory.
      if unfinished.count > LineBlocks.longestLine { unfinished.removeAll() }
      return []
    }
    let lines = Array(unfinished[...end])
    unfinished.removeFirst(end + 1)
    return lines
  }

  /// Goes over to the new file once the old one has been silent for a turn. What the old one ended
  /// with is a line, complete or not.
  private func noteReplacement(of open: ReadableFile) -> [UInt8] {
    let present = ReadableFile.identity(ofPath: path)
    guard open.kind == .regular, present != nil, present != open.identity else {
      isReplaced = false
      return []
    }
    guard isReplaced else {
      isReplaced = true
      return []
    }
    let rest = unfinished
    // What can't be read in its place (a folder, a FIFO) is waited for to go.
    guard openAgain() else { return [] }
    return rest.isEmpty ? [] : rest + [UInt8(ascii: "\n")]
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
    self.file = file
    isReplaced = false
    restart()
    return true
  }

  private func restart() {
    offset = 0
    unfinished.removeAll()
  }
}
