// Folders of logs that only root can reach: they are held open from before the rights were given
// up, as nginx's master process, which stays root, reaches them at any time.

import CLinux
import Glibc

/// Folders that this process reaches though its user could not go there by their path.
public enum HeldFolders {
  private static let folders = Guarded<[String: Int32]>([:])

  /// Holds the folders of these files open, as root. To be called before the rights are given up.
  public static func hold(ofFiles paths: [String]) {
    for path in paths {
      guard let place = try? FilePlace(path), place.folder >= 0 else { continue }
      let folder = clinux_pin_at(place.folder, ".", 1)
      guard folder >= 0 else { continue }
      let former = folders.withLock { $0.updateValue(folder, forKey: name(of: path)) }
      if let former { _ = clinux_close(former) }
    }
  }

  /// Lets go of those that can be reached by their paths. To be called when the rights have been
  /// given up.
  public static func keepOnlyUnreachable() {
    folders.withLock { held in
      for (path, folder) in held
      where faccessat(AT_FDCWD, path.isEmpty ? "." : path, X_OK, AT_EACCESS) == 0 {
        _ = clinux_close(folder)
        held[path] = nil
      }
    }
  }

  /// The folder of a file, if it is held.
  static func folder(ofFile path: String) -> Int32? {
    folders.withLock { $0[name(of: path)] }
  }

  private static func name(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
  }
}
