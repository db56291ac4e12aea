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

  /// Looks for a numbered file of the log that is not packed and that nobody writes to any more.
  /// The oldest comes first: it is the next that rotation drops.
  public static func search(_ files: NumberedFiles) throws(RotationProblem) -> Search {
    var search = Search.none
    for entry in files.entries.reversed() where !entry.isPacked {
      switch ReadableFile.open(try files.place(entry.path, "packed")) {
      case .failure(let error): throw RotationProblem("packed", entry.path, error)
      case .success(let source):
        guard source.kind == .regular else { continue }
        search = .later
        guard !isBeingWritten(source, entry) else { continue }
        if let packing = try LogPacking(files, source) { return .found(packing) }
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
  private init?(_ files: NumberedFiles, _ source: ReadableFile) throws(RotationProblem) {
    let path = files.path + ".gz-part"
    place = try files.place(path, "created")
    guard let number = try Self.create(place) else { return nil }
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
  /// under the name is removed: a file that is given away must be one that was just made.
  private static func create(_ place: FilePlace) throws(RotationProblem) -> Int32? {
    do throws(KernelError) {
      var file = try place.open(O_WRONLY | O_CREAT, mode: 0o600)
      if !file.isNew {
        let isLeft = flock(file.number, LOCK_EX | LOCK_NB) == 0
        if isLeft { place.remove() }
        _ = clinux_close(file.number)
        guard isLeft else { return nil }
        file = try place.open(O_WRONLY | O_CREAT, mode: 0o600)
      }
      if file.isNew && flock(file.number, LOCK_EX | LOCK_NB) == 0 { return file.number }
      _ = clinux_close(file.number)
      return nil
    } catch {
      throw RotationProblem("created", place.path, error)
    }
  }

  /// Packs the next piece. True when the packed file stands in the other's place.
  public func step() throws(RotationProblem) -> Bool {
    do throws(KernelError) {
      let count = try source.read(into: memory, at: offset).get()
      offset += UInt64(count)
      let isLast = count < memory.count
      try target.append(UnsafeRawBufferPointer(rebasing: memory[0..<count]), isLast: isLast)
      if isLast { try finish() }
      return isLast
    } catch {
      throw RotationProblem("packed", source.path, error)
    }
  }

  /// Rotation may have given the file another number meanwhile, or dropped it.
  private func finish() throws(KernelError) {
    var status = stat()
    guard fstat(source.descriptor, &status) == 0 else { throw KernelError(code: errno) }
    _ = fchmod(targetDescriptor, status.st_mode & 0o777)
    _ = fchown(targetDescriptor, status.st_uid, status.st_gid)
    let entry = files.entries.first {
      !$0.isPacked && ReadableFile.identity(ofPath: $0.path) == source.identity
    }
    guard let entry else { return }
    let old = place.name(of: entry.path)
    let new = place.name(of: entry.path + ".gz")
    guard fsync(targetDescriptor) == 0,
      renameat(place.folder, place.name, place.folder, new) == 0,
      unlinkat(place.folder, old, 0) == 0
    else { throw KernelError(code: errno) }
    isDone = true
  }
}
