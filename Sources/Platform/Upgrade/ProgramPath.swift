// Where the program lies that this process runs: under the name that it was started by, not the
// file itself, so that a file or link put in its place later is found there.

import Glibc

/// The path of the running program.
public enum ProgramPath {
  /// The absolute path by which the program was started. To be asked for before anything can have
  /// changed, that is at the start.
  public static var current: String {
    let name = ProcessArguments.name
    if name.contains("/") {
      let path = name.hasPrefix("/") ? name : workingFolder + "/" + name
      if isProgram(path) { return path }
    } else {
      let folders = (EnvironmentVariable.value("PATH") ?? "").split(separator: ":")
      let paths = folders.map { "\($0)/\(name)" }
      if let path = paths.first(where: { $0.hasPrefix("/") && isProgram($0) }) { return path }
    }
    // Whoever started it gave it some other name.
    return target(of: "/proc/self/exe") ?? name
  }

  private static func isProgram(_ path: String) -> Bool { access(path, X_OK) == 0 }

  private static var workingFolder: String {
    guard let path = getcwd(nil, 0) else { return "" }
    defer { free(path) }
    return String(cString: path)
  }

  private static func target(of link: String) -> String? {
    var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = bytes.withUnsafeMutableBytes { buffer in
      buffer.withMemoryRebound(to: CChar.self) { readlink(link, $0.baseAddress!, $0.count) }
    }
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }
}
