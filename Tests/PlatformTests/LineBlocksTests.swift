// Whole lines of files in blocks, whatever the threads and however the lines lie.

import Basics
import Glibc
import Platform
import Testing

@Suite struct LineBlocksTests {
  /// Lines of several threads, under a lock that ThreadSanitizer knows.
  private final class Lines: @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var found: [(offset: UInt64, line: [UInt8])] = []

    init() { pthread_mutex_init(lock, nil) }
    deinit { lock.deallocate() }

    func add(_ block: LineBlocks.Block) {
      pthread_mutex_lock(lock)
      defer { pthread_mutex_unlock(lock) }
      var start = 0
      while start < block.bytes.count {
        let end = min(
          block.bytes.span.index(of: UInt8(ascii: "\n"), from: start) + 1, block.bytes.count)
        found.append((block.offset + UInt64(start), Array(block.bytes[start..<end])))
        start = end
      }
    }

    /// All of them in the order of the file.
    var inOrder: [(offset: UInt64, line: [UInt8])] {
      pthread_mutex_lock(lock)
      defer { pthread_mutex_unlock(lock) }
      return found.sorted { $0.offset < $1.offset }
    }
  }

  /// Each line once and whole: short ones, long ones, and one that ends exactly with a block.
  @Test(arguments: [1, 3], [100, 70_000, 1 << 20])
  func everyLineOnce(threads: Int, length: Int) throws {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    let path = folder.path + "/lines.log"
    var content: [UInt8] = []
    var number = 0
    while content.count < 13 << 20 {
      number += 1
      let untilBlockEnd = (1 << 20) - content.count % (1 << 20)
      let size = number % 5 == 0 ? untilBlockEnd : number * 31 % length + 1
      content += [UInt8](repeating: UInt8(0x61 + number % 26), count: size - 1) + [0x0A]
    }
    content += Array("no line end".utf8)
    try write(content, to: path)
    let file = try ReadableFile.open(path: path).get()
    let lines = Lines()
    #expect(LineBlocks.forEach(in: file, threads: threads, { lines.add($0) }) == nil)
    let found = lines.inOrder
    // Compared outside of the macro, which would print all of it.
    let isWhole = found.flatMap(\.line) == content
    #expect(isWhole)
    #expect(found.dropLast().allSatisfy { $0.line.last == 0x0A })
  }

  @Test func binaryFilesAreRefused() throws {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    let path = folder.path + "/binary"
    try write([1, 0, 2], to: path)
    let file = try ReadableFile.open(path: path).get()
    let problem = LineBlocks.forEach(in: file, threads: 1) { _ in Issue.record("not text") }
    #expect(problem?.message == "is a binary file")
  }

  /// Zeros that a crash or an emptied file has left hide nothing, however many they are.
  @Test(arguments: [10, 4096, 70_000, 5 << 20], [1, 3])
  func holesHideNoLine(size: Int, threads: Int) throws {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    let hole = [UInt8](repeating: 0, count: size)
    let first = Array("first\nwith a\0zero\n".utf8)
    let last = Array("last\n".utf8)
    let contents = [
      hole + first + last, first + last + hole, first + hole + last,
      first + Array(repeating: last, count: 1 << 20).flatMap(\.self) + hole + last,
    ]
    for (number, content) in contents.enumerated() {
      let path = folder.path + "/\(number)"
      try write(content, to: path)
      let lines = Lines()
      let file = try ReadableFile.open(path: path).get()
      #expect(LineBlocks.forEach(in: file, threads: threads, { lines.add($0) }) == nil)
      let found = lines.inOrder
      let isWhole = found.flatMap(\.line) == content
      #expect(isWhole)
      for text in [Array("first\n".utf8), last] {
        #expect(found.contains { $0.line.drop { $0 == 0 } == text[...] })
      }
    }
  }

  private func write(_ bytes: [UInt8], to path: String) throws {
    let stream = try #require(fopen(path, "w"))
    #expect(fwrite(bytes, 1, bytes.count, stream) == bytes.count)
    #expect(fclose(stream) == 0)
  }
}
