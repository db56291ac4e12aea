import HTTP
import Platform
import Policy

/// The small file that was opened last, kept open until the turn ends: what many ask for at the
/// same time is opened once. Nobody can tell, for all that a turn does happens at once.
struct TurnFile: ~Copyable {
  private let path: UnsafeMutablePointer<UInt8> = .allocate(capacity: Limits.filePathBytes)
  private var count = 0
  private(set) var file = Descriptor.none
  private(set) var status = FileStatus(kind: .regular, size: 0, modified: 0)

  init() {}

  deinit { path.deallocate() }

  /// True when a file is kept.
  var isOpen: Bool { file != .none }

  /// True for the path of the file that is kept.
  func isAt(_ other: UnsafeBufferPointer<UInt8>) -> Bool {
    isOpen
      && EntityTagList.isEqual(
        UnsafeBufferPointer(start: path, count: count).span, other.span)
  }

  /// Keeps a file, in the place of none.
  mutating func keep(
    _ file: Descriptor, _ status: FileStatus, at path: UnsafeBufferPointer<UInt8>
  ) {
    precondition(!isOpen && path.count <= Limits.filePathBytes, "TurnFile: one is kept already")
    for index in path.indices { self.path[index] = path[index] }
    count = path.count
    self.file = file
    self.status = status
  }

  /// Gives the file up; it must be closed.
  mutating func take() -> Descriptor {
    precondition(isOpen, "take: no file is kept")
    defer { file = .none }
    return file
  }
}

extension Worker where K: ~Copyable {
  /// Leaves the turn's file to an exchange that may need it for longer.
  mutating func ownFile(_ state: ServingStatePointer) {
    guard state.pointee.isShared else { return }
    precondition(turnFile.file == state.pointee.file, "ownFile: it is not the turn's")
    _ = turnFile.take()
    state.pointee.isShared = false
  }

  /// Closes the file that was kept.
  @inline(never) mutating func closeTurnFile() { kernel.closeFile(turnFile.take()) }
}
