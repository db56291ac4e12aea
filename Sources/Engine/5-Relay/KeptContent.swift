// Where content lies that can't go on yet: a request's while it is read whole before a backend is
// asked, a response's while its client does not take it.

import Basics
import HTTP
import Plan
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

/// How much content may be kept, and where.
struct KeepingLimits: BitwiseCopyable {
  /// Bytes that stay in memory; with more, all of it goes to a file.
  var memoryBytes: Int
  /// Bytes of the file; 0 for none.
  var fileBytes: UInt64
  /// The folder that the file is made in.
  var folder: FrozenBytes
}

/// Content that has been kept: what went to the file first, then what is in memory.
struct KeptContent: BitwiseCopyable {
  /// True once something was kept, be it only the fact that the content is empty: `dropKept` makes
  /// it as good as new.
  var isUsed = false
  /// All of the message's content is here, and its length is known.
  var isWhole = false
  /// Holds what is in memory.
  var memory = Buffer.none
  var memoryCount: UInt32 = 0
  /// Holds what did not fit there; it stands before what is in memory.
  var file = Descriptor.none
  var fileCount: UInt64 = 0
  /// What was read of the file and is being sent.
  var piece = Buffer.none
  /// Bytes that have been handed on, of a request in the try under way.
  var sentCount: UInt64 = 0

  /// Bytes in all.
  @inline(__always) var count: UInt64 { fileCount &+ UInt64(memoryCount) }

  /// True when some of it has not been handed on in this try.
  @inline(__always) var hasMore: Bool { sentCount < count }

  /// True when some of what has not been handed on lies in the file.
  var hasFileLeft: Bool { sentCount < fileCount }

  /// Bytes that have not been handed on.
  var unsentCount: UInt64 { count &- sentCount }

  /// What is in memory.
  var memoryBytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: memory.base, count: Int(memoryCount))
  }
}

extension Worker where K: ~Copyable {
  /// Puts content behind what is kept: in memory or, where that is full, in the file. An error says
  /// why the file did not take it: then it is in memory all the same, and so it is where the file
  /// must not grow.
  mutating func store(
    _ content: UnsafeRawBufferPointer, in kept: inout KeptContent, _ limits: KeepingLimits
  ) -> KernelError? {
    precondition(kept.isUsed, "store: nothing is kept")
    guard content.count > 0 else { return nil }
    if kept.file == .none && Int(kept.memoryCount) + content.count <= limits.memoryBytes {
      storeInMemory(content, &kept)
      return nil
    }
    let room = limits.fileBytes - min(limits.fileBytes, kept.count)
    let count = min(content.count, Int(clamping: room))
    if count > 0,
      let error = storeInFile(
        UnsafeRawBufferPointer(rebasing: content[..<count]), &kept, limits.folder)
    {
      storeInMemory(content, &kept)
      return error
    }
    if count < content.count {
      storeInMemory(UnsafeRawBufferPointer(rebasing: content[count...]), &kept)
    }
    return nil
  }

  private mutating func storeInMemory(
    _ content: UnsafeRawBufferPointer, _ kept: inout KeptContent
  ) {
    precondition(!content.isEmpty, "storeInMemory: there is nothing to keep")
    let count = Int(kept.memoryCount)
    var before = kept.memory
    if count + content.count > before.capacity {
      guard let size = Buffer.Size(holding: count + content.count) else {
        preconditionFailure("storeInMemory: one read more than fits the largest buffer")
      }
      kept.memory = buffers.take(size)
      if let old = before.base { kept.memory.base?.copyMemory(from: old, byteCount: count) }
      buffers.giveBack(&before)
    }
    kept.memory.base?.advanced(by: count).copyMemory(
      from: content.baseAddress.unsafelyUnwrapped, byteCount: content.count)
    kept.memoryCount = UInt32(count + content.count)
  }

  /// Appends to the file, before all else what is in memory. Nil when it worked.
  private mutating func storeInFile(
    _ content: UnsafeRawBufferPointer, _ kept: inout KeptContent, _ folder: FrozenBytes
  ) -> KernelError? {
    precondition(!content.isEmpty, "storeInFile: there is nothing to keep")
    if kept.file == .none {
      switch kernel.openTemporaryFile(in: folder) {
      case .failed(let error): return error
      case .opened(let file): kept.file = file
      }
    }
    if kept.memoryCount > 0 {
      if let error = appendToFile(kept.memoryBytes, &kept) { return error }
      kept.memoryCount = 0
      buffers.giveBack(&kept.memory)
    }
    return appendToFile(content, &kept)
  }

  /// Appends all of a piece. What a failure leaves of it in the file is not counted, and nothing is
  /// written behind it.
  private mutating func appendToFile(
    _ content: UnsafeRawBufferPointer, _ kept: inout KeptContent
  ) -> KernelError? {
    precondition(kept.file != .none, "appendToFile: there is no file")
    precondition(!content.isEmpty, "appendToFile: there is nothing to append")
    let count = UInt64(content.count)
    guard settings.temporarySpace.take(count, limit: tables.temporaryBytes) else {
      return KernelError(kind: .noSpace, code: 0)
    }
    var rest = content
    while !rest.isEmpty {
      switch kernel.writeFile(kept.file, rest) {
      case .bytes(let written) where written > 0:
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      case .bytes, .wouldBlock:
        settings.temporarySpace.giveBack(count)
        return KernelError(kind: .noSpace, code: 0)
      case .failed(let error):
        settings.temporarySpace.giveBack(count)
        return error
      }
    }
    kept.fileCount &+= count
    return nil
  }

  /// Reads what follows in the file; nil when it can't be read. It lies in `piece`.
  mutating func readStored(
    _ kept: inout KeptContent, _ offset: UInt64
  ) -> UnsafeRawBufferPointer? {
    precondition(offset < kept.fileCount, "readStored: all of the file has been handed on")
    if kept.piece.isNone {
      kept.piece = buffers.take(
        kept.fileCount > UInt64(Limits.mediumBufferBytes) ? .large : .medium)
    }
    let count = min(UInt64(kept.piece.capacity), kept.fileCount &- offset)
    let target = UnsafeMutableRawBufferPointer(start: kept.piece.base, count: Int(count))
    guard case .bytes(let read) = kernel.readFile(kept.file, at: offset, into: target), read > 0
    else { return nil }
    return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(target)[0..<read])
  }

  /// Closes the file, unless another exchange has it, and gives its space back.
  mutating func closeStored(_ kept: inout KeptContent) {
    if kept.file != .none, !sharedFiles.letGo(of: kept.file) {
      kernel.close(kept.file)
      settings.temporarySpace.giveBack(kept.fileCount)
    }
    kept.file = .none
    kept.fileCount = 0
  }

  /// Gives back what content was kept in.
  mutating func release(_ kept: inout KeptContent) {
    buffers.giveBack(&kept.memory)
    buffers.giveBack(&kept.piece)
    closeStored(&kept)
    kept = KeptContent()
  }
}

extension KernelError {
  /// Says why content could not be stored in the folder that a directive names.
  func appendStoring(in directive: StaticString, to line: inout ByteWriter) {
    guard code != 0 else { return line.append("temp_space is used up") }
    line.append("it can't be stored in ")
    line.append(directive)
    line.append(": ")
    append(to: &line)
  }
}
