import Platform

/// A file that the program may serve. Who has it open sees what becomes of it.
public final class StoredFile {
  /// What it is.
  public var kind: FileStatus.Kind
  /// Its content.
  public var bytes: [UInt8]
  /// When it was last modified, in seconds since 1970-01-01 UTC.
  public var modified: Int64
  /// Why it can't be opened; nil when it can.
  public var refusal: FileRefusal?

  init(kind: FileStatus.Kind, bytes: [UInt8], modified: Int64) {
    self.kind = kind
    self.bytes = bytes
    self.modified = modified
  }

  var status: FileStatus {
    FileStatus(kind: kind, size: UInt64(bytes.count), modified: modified)
  }
}

/// The files that the program may serve: paths and what they name. A path that is the begin of
/// another one names a folder. There are no links.
extension SimulatedWorld {
  /// Puts a file at `path`, in the place of what was there.
  @discardableResult
  public func store(
    _ bytes: [UInt8], at path: String, kind: FileStatus.Kind = .regular,
    modified: Int64 = 784_111_777
  ) -> StoredFile {
    let file = StoredFile(kind: kind, bytes: bytes, modified: modified)
    storedFiles[path] = file
    return file
  }

  func openFile(_ path: String, _ links: LinkRule) -> FileOpenResult {
    guard let file = storedFile(path) else { return .refused(.missing) }
    if let refusal = file.refusal { return .refused(refusal) }
    if hasNoFreeDescriptor { return .refused(.failed(.tooManyDescriptors)) }
    openFiles.append(file)
    return .opened(openDescriptor(.file(openFiles.count - 1)), file.status)
  }

  func fileStatus(_ path: String, _ links: LinkRule) -> FileStatusResult {
    guard let file = storedFile(path) else { return .refused(.missing) }
    return .found(file.status)
  }

  func listFolder(_ path: String, _ body: ([UInt8], FileStatus) -> Void) -> FileRefusal? {
    let folder = path.hasSuffix("/") ? path : path + "/"
    let inside = storedFiles.keys.filter { $0.hasPrefix(folder) }
    if inside.isEmpty { return .missing }
    let names = Set(inside.map { String($0.dropFirst(folder.count).prefix { $0 != "/" }) })
    for name in names.sorted() where !name.hasPrefix(".") {
      if let file = storedFile(folder + name) { body(Array(name.utf8), file.status) }
    }
    return nil
  }

  /// At most `count` bytes of an open file from `offset` on.
  func content(
    of descriptor: Descriptor, from offset: UInt64, count: Int, _ call: StaticString
  ) -> ArraySlice<UInt8> {
    let bytes: [UInt8]
    switch kind(of: descriptor, call) {
    case .temporaryFile(let number): bytes = disk.unnamedFiles[number]
    case .file(let number): bytes = openFiles[number]?.bytes ?? []
    default: preconditionFailure("\(call): descriptor \(descriptor.number) is no file")
    }
    return bytes.dropFirst(Int(offset)).prefix(count)
  }

  private func storedFile(_ path: String) -> StoredFile? {
    if let file = storedFiles[path] { return file }
    let folder = path.hasSuffix("/") ? path : path + "/"
    guard storedFiles.keys.contains(where: { $0.hasPrefix(folder) }) else { return nil }
    return StoredFile(kind: .folder, bytes: [], modified: 0)
  }
}
