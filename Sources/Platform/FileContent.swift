// Whole files and names of files, for reading a configuration.

import CLinux
import Glibc

/// Reads files that are small and on disk; blocks for the disk only.
public enum FileContent {
  /// The bytes of the file at `path`; EFBIG when there are more than `limit`. What a reader might
  /// wait for (see `SpecialFile`) is refused.
  public static func read(path: String, limit: Int) -> Result<[UInt8], KernelError> {
    var descriptor = clinux_open(path, O_RDONLY | O_NONBLOCK, 0)
    if descriptor == -EMFILE {
      descriptor = DescriptorReserve.use { clinux_open(path, O_RDONLY | O_NONBLOCK, 0) }
    }
    guard descriptor >= 0 else { return .failure(KernelError(result: Int(descriptor))) }
    defer { _ = clinux_close(descriptor) }
    if let error = SpecialFile.refusal(of: descriptor) { return .failure(error) }
    SpecialFile.wait(for: descriptor)
    var content: [UInt8] = []
    while content.count <= limit {
      let (piece, result) = readPiece(descriptor)
      if result < 0 { return .failure(KernelError(result: result)) }
      if result == 0 { return .success(content) }
      content += piece
    }
    return .failure(KernelError(code: EFBIG))
  }

  /// The files that match a shell pattern (glob(7)), sorted; none when nothing matches.
  public static func paths(matching pattern: String) -> [String] {
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(pattern, 0, nil, &found) == 0 else { return [] }
    return (0..<Int(found.gl_pathc)).compactMap { index in
      found.gl_pathv[index].map { String(cString: $0) }
    }
  }

  private static func readPiece(_ descriptor: Int32) -> ([UInt8], Int) {
    var result = 0
    let piece = [UInt8](unsafeUninitializedCapacity: 65_536) { memory, count in
      result = clinux_read(descriptor, memory.baseAddress, memory.count)
      count = max(0, result)
    }
    return (piece, result)
  }
}
