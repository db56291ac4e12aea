// Links on the way to a file: whose root follows, and whose not.

import Glibc
import Testing

@testable import Platform

@Suite(.enabled(if: geteuid() == 0)) struct FilePlaceTests {
  private let root: TemporaryFolder
  /// A folder of somebody else's in one of root's.
  private let others: String

  init() throws {
    root = try TemporaryFolder()
    chmod(root.path, 0o755)
    others = root.path + "/others"
    mkdir(others, 0o755)
    chown(others, 65_534, 65_534)
  }

  private func touch(_ path: String) { close(open(path, O_CREAT | O_WRONLY, 0o600)) }

  private func failure(_ path: String) -> Int32? {
    switch LogFile.open(path: path) {
    case .success(let file):
      LogFile.close(file)
      return nil
    case .failure(let error): return error.code
    }
  }

  private func owner(_ path: String) -> UInt32 {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_uid : .max
  }

  private var nobody: ProcessIdentity {
    get throws {
      var identity = try ProcessIdentity(user: "root", group: nil)
      identity.user = 65_534
      return identity
    }
  }

  @Test func linksOfOthersAreNotFollowed() throws {
    touch(root.path + "/target")
    mkdir(root.path + "/folder", 0o755)
    symlink("../target", others + "/file")
    symlink("../missing", others + "/dangling")
    symlink("../folder", others + "/folder")
    for name in ["file", "dangling", "folder/access.log"] {
      #expect(failure(others + "/" + name) == ELOOP)
      #expect(LogFile.prepare(path: others + "/" + name, owner: try nobody)?.code == ELOOP)
      #expect(LogFile.check(path: others + "/" + name)?.code == ELOOP)
    }
    #expect(access(root.path + "/missing", F_OK) != 0 && owner(root.path + "/target") == 0)
    link(root.path + "/target", others + "/second")
    #expect(failure(others + "/second") == EMLINK)
    // A link of root's that leads into such a folder is followed that far.
    symlink(others, root.path + "/logs")
    #expect(failure(root.path + "/logs/file") == ELOOP)
    #expect(failure(root.path + "/logs/new") == nil)
  }

  @Test(arguments: [0o775, 0o757, 0o777] as [mode_t])
  func foldersThatOthersMayWriteAreAsGoodAsTheirs(mode: mode_t) {
    let folder = root.path + "/open"
    mkdir(folder, 0o755)
    chmod(folder, mode)
    touch(root.path + "/target")
    symlink(root.path + "/target", folder + "/file")
    #expect(failure(folder + "/file") == ELOOP)
  }

  @Test func linksOfRootAreFollowed() throws {
    mkdir(root.path + "/place", 0o755)
    symlink(root.path + "/place", root.path + "/absolute")
    symlink("place/../absolute", root.path + "/relative")
    symlink("place/later.log", root.path + "/later.log")
    for name in ["absolute/a.log", "relative/b.log", "later.log"] {
      #expect(failure(root.path + "/" + name) == nil)
    }
    for name in ["a", "b", "later"] {
      #expect(access(root.path + "/place/\(name).log", F_OK) == 0)
    }
    #expect(failure("/dev/null") == nil && failure("/dev/fd/2") == nil)
    symlink("loop", root.path + "/loop")
    #expect(failure(root.path + "/loop") == ELOOP)
  }

  /// As in /tmp: everybody may add names, and nobody can change another's.
  @Test func inAStickyFolderTheOwnerOfTheLinkCounts() {
    let sticky = root.path + "/sticky"
    mkdir(sticky, 0o755)
    chmod(sticky, 0o1777)
    touch(root.path + "/target")
    symlink("../target", sticky + "/roots")
    symlink("../target", sticky + "/others")
    lchown(sticky + "/others", 65_534, 65_534)
    #expect(failure(sticky + "/roots/") == EISDIR)
    #expect(failure(sticky + "/others") == ELOOP)
    mkdir(root.path + "/folder", 0o755)
    symlink("../folder", sticky + "/way")
    #expect(failure(sticky + "/way/a.log") == nil)
    #expect(failure(sticky + "/roots") == nil)
  }

  /// Only what was just made is given away.
  @Test func filesThatWereThereKeepTheirOwner() throws {
    touch(others + "/old.log")
    for path in [others + "/old.log", "/dev/null"] {
      #expect(LogFile.prepare(path: path, owner: try nobody) == nil)
      #expect(owner(path) == 0)
    }
    #expect(LogFile.prepare(path: others + "/new.log", owner: try nobody) == nil)
    #expect(owner(others + "/new.log") == 65_534)
  }

  /// Rotation and packing make files beside the log, and give them its owner.
  @Test func rotationFollowsNobodysLink() throws {
    touch(root.path + "/target")
    let path = others + "/access.log"
    let file = open(path, O_CREAT | O_WRONLY, 0o600)
    write(file, "line\n", 5)
    close(file)
    chown(path, 65_534, 65_534)
    symlink("../target", path + ".gz-part")
    try NumberedFiles(path: path).rotate(keep: 5)
    #expect(owner(path) == 65_534)
    symlink("../target", path + ".2")
    for _ in 0..<200 where owner(path + ".1.gz") == .max {
      guard case .found(let packing) = try LogPacking.search(NumberedFiles(path: path)) else {
        // A program that another test starts holds the descriptors of all for a moment.
        usleep(10_000)
        continue
      }
      while try !packing.step() {}
    }
    // The packed file is made under another name; somebody else's second file is none of ours.
    #expect(owner(path + ".1.gz") == 65_534)
    #expect(owner(root.path + "/target") == 0)
    var status = stat()
    #expect(stat(root.path + "/target", &status) == 0 && status.st_size == 0)
    #expect(lstat(path + ".2", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
  }

  /// What somebody puts in the place of a socket is neither opened to all nor given away.
  @Test func aSocketIsKnownByItself() throws {
    let path = others + "/control"
    let socket = try ControlSocket(path: path, mode: 0o660)
    touch(root.path + "/target")
    unlink(path)
    link(root.path + "/target", path)
    try? socket.give(to: nobody)
    #expect(owner(root.path + "/target") == 0)
    socket.remove()
    #expect(access(path, F_OK) == 0)
    unlink(path)
    symlink("..", others + "/way")
    #expect(throws: ListenError.self) { try ControlSocket(path: others + "/way/c", mode: 0o600) }
  }
}
