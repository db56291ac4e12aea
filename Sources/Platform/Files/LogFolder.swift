// Which files there are: the content of a folder, and what log rotation has made of a log.

import CLinux
import Glibc

/// Names of files in folders.
public enum LogFolder {
  /// The paths of all regular files in a folder and the folders in it, sorted; links to folders are
  /// not followed. A failure is about the folder itself; those within are left out.
  public static func files(in folder: String) -> Result<[String], KernelError> {
    names(in: folder).map { names in
      var paths: [String] = []
      for name in names.sorted() {
        let path = folder.hasSuffix("/") ? folder + name : folder + "/" + name
        var status = stat()
        guard lstat(path, &status) == 0 else { continue }
        switch status.st_mode & S_IFMT {
        case S_IFREG: paths.append(path)
        case S_IFDIR: paths += (try? files(in: path).get()) ?? []
        default: break
        }
      }
      return paths
    }
  }

  /// True when the path names a folder.
  public static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// True when the path names anything.
  public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The files beside `path` whose names begin with its name and a point or a dash.
  public static func siblings(of path: String) -> [String] {
    let own = path.split(separator: "/").last.map(String.init) ?? path
    let folder = String(path.dropLast(own.count))
    let names = (try? names(in: folder.isEmpty ? "." : folder).get()) ?? []
    return names.filter { $0.hasPrefix(own + ".") || $0.hasPrefix(own + "-") }
      .map { folder + $0 }
      .sorted()
  }

  private static func names(in folder: String) -> Result<[String], KernelError> {
    guard let stream = opendir(folder) else { return .failure(KernelError(code: errno)) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return .success(names)
  }
}
