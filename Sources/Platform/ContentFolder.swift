// Folders for content that is too large for memory (`client_body_temp_path`), made as nginx makes
// them: the last of the names only, and for nobody else to look into.

import Glibc

/// Makes and checks folders for temporary files.
public enum ContentFolder {
  /// Makes the folder at `path` unless it is there, and gives a new one to `owner`, if somebody is
  /// named. Fails with ENOTDIR where something else is there, with EACCES where this process can't
  /// create files in it, and as `FilePlace` does where a link of somebody else's leads elsewhere.
  /// Nil when it worked.
  public static func prepare(path: String, owner: ProcessIdentity? = nil) -> KernelError? {
    do throws(KernelError) {
      let place = try FilePlace(trimmed(path))
      if mkdirat(place.folder, place.name, 0o700) == 0 {
        guard let owner, let made = OwnFile(place) else { return nil }
        return made.give(user: owner.user, group: owner.group)
      }
      guard errno == EEXIST else { return KernelError(code: errno) }
      return usable(place)
    } catch {
      return error
    }
  }

  /// Whether `prepare` would work; makes nothing. Nil when it would.
  public static func check(path: String) -> KernelError? {
    do throws(KernelError) {
      let place = try FilePlace(trimmed(path))
      let isThere = faccessat(place.folder, place.name, F_OK, AT_EACCESS) == 0
      return isThere ? usable(place) : FilePlace.checkCreating(trimmed(path))
    } catch {
      return error
    }
  }

  /// Nil for a folder in which this process can create files.
  private static func usable(_ place: FilePlace) -> KernelError? {
    var status = stat()
    guard fstatat(place.folder, place.name, &status, 0) == 0 else {
      return KernelError(code: errno)
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { return KernelError(code: ENOTDIR) }
    let allows = faccessat(place.folder, place.name, W_OK | X_OK, AT_EACCESS) == 0
    return allows ? nil : KernelError(code: errno)
  }

  /// Without slashes at its end: they are no name.
  private static func trimmed(_ path: String) -> String {
    var path = Substring(path)
    while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
    return String(path)
  }
}
