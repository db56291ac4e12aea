// Where a path leads. Started as root, Waybill opens files in folders that belong to others: a link
// there could lead to any file of the machine. So root goes the way folder by folder, and follows a
// link only where nobody else can have put it.

import CLinux
import Glibc

/// A name in a folder that is open: what is done by it happens there, whatever the path has come to
/// mean since.
///
/// Only the superuser needs that. For anybody else the system's own rights say enough, and a place
/// is the path itself.
final class FilePlace: Sendable {
  /// The path that was asked for.
  let path: String
  /// The folder; the working folder when the way was not checked.
  let folder: Int32
  /// The name in it; the path when the way was not checked.
  let name: String
  /// Others than root can put something under the name.
  let isOpenToOthers: Bool
  /// The folder is not this place's own: see `HeldFolders`.
  private let isHeld: Bool
  /// A link of procfs: it leads to an open file, by no path.
  private let isOpenFile: Bool

  /// As many links as the system follows (path_resolution(7)).
  private static let mostLinks = 40

  /// Goes to the folder of `path`, and, if asked to, on to what a link at its end names. ELOOP: on
  /// the way is a link that others than root may have put there.
  init(_ path: String, followsLast: Bool = true) throws(KernelError) {
    self.path = path
    guard geteuid() == 0, !path.isEmpty else {
      (isOpenToOthers, isOpenFile) = (false, false)
      if let held = HeldFolders.folder(ofFile: path) {
        let last = path.split(separator: "/").last.map(String.init) ?? ""
        (folder, name, isHeld) = (held, last, true)
      } else {
        (folder, name, isHeld) = (AT_FDCWD, path, false)
      }
      return
    }
    isHeld = false
    // What ends so names a folder.
    if path.hasSuffix("/") { throw KernelError(code: EISDIR) }
    var walk = try FolderWalk(path)
    while let link = try walk.advance(followsLast: followsLast) {
      guard walk.linkCount < Self.mostLinks else { throw KernelError(code: ELOOP) }
      try walk.follow(link)
    }
    (folder, name) = (walk.takeFolder(), walk.name)
    (isOpenToOthers, isOpenFile) = (walk.isOpenToOthers, walk.isOpenFile)
  }

  deinit { if folder >= 0 && !isHeld { _ = clinux_close(folder) } }

  /// A file that was opened.
  struct Opened {
    /// The file.
    var number: Int32
    /// True when it was not there before.
    var isNew: Bool
  }

  /// Opens what is there, or creates it if `flags` say so. ELOOP, EMLINK: others may have put a
  /// link there that leads to a file of somebody else's.
  func open(_ flags: Int32, mode: UInt32 = 0) throws(KernelError) -> Opened {
    let noFollow = folder == AT_FDCWD || isOpenFile ? 0 : O_NOFOLLOW
    if flags & O_CREAT != 0 {
      let number = clinux_open_at(folder, name, flags | O_EXCL, mode)
      if number >= 0 { return Opened(number: number, isNew: true) }
      if number != -EEXIST { throw KernelError(result: Int(number)) }
    }
    // Nobody's link is created through, but where the way is not checked.
    let further = folder == AT_FDCWD ? flags : flags & ~O_CREAT
    let number = clinux_open_at(folder, name, further | noFollow, mode)
    guard number >= 0 else { throw KernelError(result: Int(number)) }
    guard !isOpenToOthers || Self.hasOneName(number) else {
      _ = clinux_close(number)
      throw KernelError(code: EMLINK)
    }
    return Opened(number: number, isNew: false)
  }

  /// The name here of another file of the same folder.
  func name(of sibling: String) -> String {
    folder == AT_FDCWD ? sibling : sibling.split(separator: "/").last.map(String.init) ?? sibling
  }

  /// What lies here, a link being the link itself; nil if nothing does.
  var status: stat? {
    var status = stat()
    return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
  }

  /// Removes what lies here. Nil when it worked.
  @discardableResult func remove() -> KernelError? {
    unlinkat(folder, name, 0) == 0 ? nil : KernelError(code: errno)
  }

  private static func hasOneName(_ number: Int32) -> Bool {
    var status = stat()
    return fstat(number, &status) == 0
      && (status.st_nlink <= 1 || status.st_mode & S_IFMT == S_IFDIR)
  }
}

/// The way to a file, one name after the other.
private struct FolderWalk: ~Copyable {
  /// The name that is looked at.
  private(set) var name = "."
  private(set) var isOpenToOthers = false
  private(set) var isOpenFile = false
  private(set) var linkCount = 0
  private var folder: Int32
  /// Those that follow, the next one last.
  private var names: [String]

  init(_ path: String) throws(KernelError) {
    folder = clinux_pin_at(AT_FDCWD, path.hasPrefix("/") ? "/" : ".", 1)
    guard folder >= 0 else { throw KernelError(result: Int(folder)) }
    names = Self.names(of: path)
  }

  deinit { if folder >= 0 { _ = clinux_close(folder) } }

  /// Hands over the folder.
  mutating func takeFolder() -> Int32 {
    defer { folder = -1 }
    return folder
  }

  /// Goes on to the last name; stops at a link that is to be followed, and returns what it says.
  mutating func advance(followsLast: Bool) throws(KernelError) -> String? {
    while let next = names.popLast() {
      name = next
      var own = stat()
      guard fstatat(folder, "", &own, Self.emptyPath) == 0 else { throw KernelError(code: errno) }
      isOpenToOthers = own.st_uid != 0 || own.st_mode & 0o022 != 0
      isOpenFile = false
      var status = stat()
      let isThere = fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0
      if isThere && status.st_mode & S_IFMT == S_IFLNK && (followsLast || !names.isEmpty) {
        guard isRoots(status, in: own) else { throw KernelError(code: ELOOP) }
        if clinux_file_system(folder) != Self.procfs { return try target() }
        isOpenFile = true
      }
      if !names.isEmpty { try enter() }
    }
    return nil
  }

  /// Goes on where the link leads.
  mutating func follow(_ target: String) throws(KernelError) {
    linkCount += 1
    names += Self.names(of: target)
    if target.hasPrefix("/") { try replaceFolder(clinux_pin_at(AT_FDCWD, "/", 1)) }
  }

  /// Nobody but root can have put the link there: the folder is root's alone, or, as /tmp, one in
  /// which everybody can change only what is his own.
  private func isRoots(_ link: stat, in folder: stat) -> Bool {
    if !isOpenToOthers { return true }
    let isSticky = folder.st_mode & Self.sticky != 0 && folder.st_uid == 0
    return isSticky && link.st_uid == 0 && link.st_nlink == 1
  }

  private func target() throws(KernelError) -> String {
    var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = bytes.withUnsafeMutableBytes { buffer in
      buffer.withMemoryRebound(to: CChar.self) {
        readlinkat(folder, name, $0.baseAddress!, $0.count)
      }
    }
    guard count > 0 else { throw KernelError(code: count < 0 ? errno : ENOENT) }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  private mutating func enter() throws(KernelError) {
    let flags = Self.folderFlags | (isOpenFile ? 0 : O_NOFOLLOW)
    try replaceFolder(clinux_open_at(folder, name, flags, 0))
  }

  private mutating func replaceFolder(_ next: Int32) throws(KernelError) {
    guard next >= 0 else { throw KernelError(result: Int(next)) }
    _ = clinux_close(folder)
    folder = next
  }

  /// The names of a path, the last one first.
  private static func names(of path: String) -> [String] {
    path.split(separator: "/").filter { $0 != "." }.reversed().map(String.init)
  }

  // Glibc shows these to those only who ask for all of its extensions.
  private static let emptyPath: Int32 = 0x1000
  private static let folderFlags: Int32 = 0x20_0000 | O_DIRECTORY
  private static let procfs: Int64 = 0x9FA0
  private static let sticky: UInt32 = 0o1000
}

extension KernelError {
  /// What the system says about opening a file by a place, with the reason where it is ours.
  public func describeOpening() -> String {
    switch code {
    case ELOOP: "a link in a directory that users other than root can change is not followed"
    case EMLINK: "it has several hard links, in a directory that users other than root can change"
    default: describe()
    }
  }
}

extension FilePlace {
  /// Whether this process could create a file at `path`, where none is. Nil when it could.
  static func checkCreating(_ path: String) -> KernelError? {
    do throws(KernelError) {
      let place = try FilePlace(path)
      let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      let parent =
        place.folder != AT_FDCWD
        ? "." : folder.isEmpty ? "." : folder.joined(separator: "/") + "/"
      guard faccessat(place.folder, parent, W_OK | X_OK, AT_EACCESS) == 0 else {
        return KernelError(code: errno)
      }
      return path.hasSuffix("/") ? KernelError(code: EISDIR) : nil
    } catch {
      return error
    }
  }
}
