// Packing a log that was put aside, piece by piece, so that whoever does it can look after other
// things in between. The packed file gets its name only when it is whole and on the disk.

import CLinux
import Glibc

/// One numbered file on its way to become a packed one.
public final class LogPacking {
  private let files: NumberedFiles
  private let source: ReadableFile
  private let target: GzipFile
  /// Where the packed file is made. All that happens here happens in its folder.
  private let place: FilePlace
  private let targetDescriptor: Int32
  private let memory: UnsafeMutableRawBufferPointer
  private var offset: UInt64 = 0
  private var isWritten = false
  private var isDone = false

  /// What there is to pack.
  public enum Search {
    /// This file.
    case found(LogPacking)
    /// Files that somebody still writes to, or packs.
    case later
    /// Nothing.
    case none
  }

  /// Looks for a file that rotation has put aside, that is not packed and that nobody writes to any
  /// more. The oldest comes first: it is the next that rotation drops. One whose packed name is
  /// somebody else's stays as it is.
  public static func search(_ files: NumberedFiles) throws(RotationProblem) -> Search {
    let entries = files.entries.filter { !$0.isPacked }
    guard !entries.isEmpty else { return .none }
    guard let record = try RotationRecord(files, creates: false) else { return .later }
    let place = try files.place(files.path, "packed")
    var search = Search.none
    for entry in entries.reversed() where record.isOwn(entry, place) {
      guard record.mark(entry.path + ".gz", place) == nil else { continue }
      switch ReadableFile.open(try files.place(entry.path, "packed")) {
      case .failure(let error): throw RotationProblem("packed", entry.path, error)
      case .success(let source):
        guard source.kind == .regular else { continue }
        search = .later
        guard !isBeingWritten(source, entry) else { continue }
        if let packing = try LogPacking(files, source, record) { return .found(packing) }
      }
    }
    return search
  }

  /// Where the system can't tell, the last file is taken for one that some worker still has open,
  /// and all before it for ones that nobody has.
  private static func isBeingWritten(_ file: ReadableFile, _ entry: NumberedFiles.Entry) -> Bool {
    let answer = clinux_is_being_written(file.descriptor)
    return answer < 0 ? entry.number == 1 : answer > 0
  }

  /// Nil when another process has begun the same.
  private init?(
    _ files: NumberedFiles, _ source: ReadableFile, _ record: RotationRecord
  ) throws(RotationProblem) {
    guard let (place, number) = try Self.create(files, record) else { return nil }
    self.place = place
    self.files = files
    self.source = source
    targetDescriptor = number
    target = GzipFile(number)
    memory = .allocate(byteCount: 262_144, alignment: 16)
  }

  deinit {
    if !isDone { place.remove() }
    _ = clinux_close(targetDescriptor)
    memory.deallocate()
  }

  /// Makes the file and locks it; nil when another process has. What one that was killed has left
  /// is removed: a file that is given away must be one that was just made. A file of somebody else
  /// keeps its name, and the next one is taken.
  private static func create(
    _ files: NumberedFiles, _ record: RotationRecord
  ) throws(RotationProblem) -> (FilePlace, Int32)? {
    for number in 1...mostNames {
      let suffix = NumberedFiles.partSuffix + (number == 1 ? "" : "\(number)")
      let place = try files.place("\(files.path).\(suffix)", "created")
      if let there = FileMark(folder: place.folder, name: place.name) {
        guard record.marks[suffix] == there else { continue }
        guard removeLeft(place) else { return nil }
      }
      guard let made = try make(place) else { return nil }
      do throws(RotationProblem) {
        try record.add(suffix, made.mark)
      } catch {
        place.remove()
        _ = clinux_close(made.number)
        throw error
      }
      return (place, made.number)
    }
    let path = "\(files.path).\(NumberedFiles.partSuffix)"
    throw RotationProblem("created", path, KernelError(code: EEXIST))
  }

  private static var mostNames: Int { 9 }

  /// Removes a file of which nobody is the packer any more; false when somebody is.
  private static func removeLeft(_ place: FilePlace) -> Bool {
    guard let file = try? place.open(O_WRONLY | O_NONBLOCK) else { return false }
    defer { _ = clinux_close(file.number) }
    return flock(file.number, LOCK_EX | LOCK_NB) == 0 && place.remove() == nil
  }

  /// Makes a file and locks it; nil when there is one.
  private static func make(
    _ place: FilePlace
  ) throws(RotationProblem) -> (number: Int32, mark: FileMark)? {
    do throws(KernelError) {
      let file = try place.open(O_WRONLY | O_CREAT | O_NONBLOCK, mode: 0o600)
      if file.isNew, flock(file.number, LOCK_EX | LOCK_NB) == 0,
        let mark = FileMark(descriptor: file.number)
      {
        return (file.number, mark)
      }
      _ = clinux_close(file.number)
      return nil
    } catch {
      throw RotationProblem("created", place.path, error)
    }
  }

  /// Packs the next piece. True when the packed file stands in the other's place.
  public func step() throws(RotationProblem) -> Bool {
    if !isWritten { try packPiece() }
    guard isWritten, let record = try RotationRecord(files, creates: true) else { return false }
    try finish(record)
    return true
  }

  private func packPiece() throws(RotationProblem) {
    do throws(KernelError) {
      let count = try source.read(into: memory, at: offset).get()
      offset += UInt64(count)
      isWritten = count < memory.count
      try target.append(UnsafeRawBufferPointer(rebasing: memory[0..<count]), isLast: isWritten)
    } catch {
      throw problem(error)
    }
  }

  /// Rotation may have given the file another number meanwhile, or dropped it, and somebody may
  /// have taken the name.
  private func finish(_ record: RotationRecord) throws(RotationProblem) {
    var status = stat()
    guard fstat(source.descriptor, &status) == 0 else { throw problem(KernelError(code: errno)) }
    _ = fchmod(targetDescriptor, status.st_mode & 0o777)
    _ = fchown(targetDescriptor, status.st_uid, status.st_gid)
    let entry = files.entries.first {
      !$0.isPacked && ReadableFile.identity(ofPath: $0.path) == source.identity
    }
    guard let entry, record.isOwn(entry, place), record.mark(entry.path + ".gz", place) == nil,
      let mark = FileMark(descriptor: targetDescriptor)
    else { return }
    try record.add(entry.suffix + ".gz", mark)
    let old = place.name(of: entry.path)
    let new = place.name(of: entry.path + ".gz")
    guard fsync(targetDescriptor) == 0,
      renameat(place.folder, place.name, place.folder, new) == 0,
      unlinkat(place.folder, old, 0) == 0
    else { throw problem(KernelError(code: errno)) }
    isDone = true
  }

  private func problem(_ error: KernelError) -> RotationProblem {
    RotationProblem("packed", source.path, error)
  }
}
