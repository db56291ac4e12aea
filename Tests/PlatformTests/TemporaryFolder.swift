// A folder for one test's files.

import Glibc
import Testing

/// An empty folder; removed with all that is in it when the test has ended.
final class TemporaryFolder {
  /// Its path, without a slash at the end.
  let path: String

  init() throws {
    var template = Array("/tmp/waybill-tests-XXXXXX".utf8CString)
    path = try #require(mkdtemp(&template).map { String(cString: $0) })
  }

  deinit {
    guard let folder = opendir(path) else { return }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
      }
      if name != "." && name != ".." { unlink(path + "/" + name) }
    }
    closedir(folder)
    rmdir(path)
  }
}
