// The files of the repository, as the tidiness tests read them.

import Foundation

/// The repository that this test was built from.
enum Repository {
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The names in a folder, but those that begin with a dot.
  static func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path)
      .filter { !$0.hasPrefix(".") }
      .sorted()
  }

  /// Paths, relative to the root, of all files in a folder and the folders in it.
  static func files(in folder: String) throws -> [String] {
    let paths = try FileManager.default.subpathsOfDirectory(
      atPath: root.appending(path: folder).path)
    return paths.map { folder + "/" + $0 }.filter(isSource).sorted()
  }

  /// Sources, tests and the manifest: what people wrote, not what tools made of it.
  static func everySource() throws -> [String] {
    try ["Package.swift"] + files(in: "Sources") + files(in: "Tests")
  }

  static func lines(of path: String) throws -> [Substring] {
    let text = try String(contentsOf: root.appending(path: path), encoding: .utf8)
    // By bytes: finding characters takes many times as long.
    return text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map { Substring($0) }
  }

  /// Code and scripts; scripts have no extension, and neither have folders, which have no text.
  private static func isSource(_ path: String) -> Bool {
    let url = root.appending(path: path)
    // Inputs for parsers, of which some begin like a script.
    if path.hasPrefix("Tests/Corpora/") { return false }
    if path.split(separator: "/").contains(where: { $0.hasPrefix(".") || $0 == "__pycache__" }) {
      return false
    }
    guard url.pathExtension.isEmpty else {
      return ["swift", "c", "h", "py", "lua", "modulemap"].contains(url.pathExtension)
    }
    let isScript = try? Data(contentsOf: url).starts(with: Array("#!".utf8))
    return isScript ?? false
  }
}
