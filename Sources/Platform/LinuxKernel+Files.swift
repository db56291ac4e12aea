// Temporary files: content that is too large for memory.

import Basics
import CLinux
import Glibc
import HTTP

extension LinuxKernel {
  /// See `Kernel`. Where the file system has no unnamed files, one is made and unlinked at once.
  public mutating func openTemporaryFile(in folder: FrozenBytes) -> OpenResult {
    let path = folder.text
    var number = clinux_open_unnamed(path)
    if number < 0 { number = openUnlinked(in: path) ?? number }
    guard number >= 0 else { return .failed(KernelError(result: Int(number))) }
    guard DescriptorReserve.permits(number) else {
      _ = clinux_close(number)
      return .failed(KernelError(code: EMFILE))
    }
    return .opened(Descriptor(number: number))
  }

  /// See `Kernel`.
  public mutating func writeFile(
    _ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer
  ) -> WriteResult {
    let result = clinux_write(descriptor.number, bytes.baseAddress, bytes.count)
    return result >= 0 ? .bytes(result) : .failed(failure("write", result))
  }

  /// See `Kernel`.
  public mutating func readFile(
    _ descriptor: Descriptor, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) -> ReadResult {
    StaticFile.read(descriptor, at: offset, into: buffer)
  }

  /// Nil when there is no such file system either, or no right to write in the folder.
  private mutating func openUnlinked(in folder: String) -> Int32? {
    var random: UInt64 = 0
    guard withUnsafeMutableBytes(of: &random, { fillRandom($0) }) else { return nil }
    let path = "\(folder)/waybill-\(String(random, radix: 16))"
    let number = clinux_open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
    if number >= 0 { _ = unlink(path) }
    return number >= 0 ? number : nil
  }
}
