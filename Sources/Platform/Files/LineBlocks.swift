// A whole file in blocks of whole lines, however large the file is: each thread has one buffer of
// a fixed size, and takes the next block when it is done with one.
//
// Logs may have holes of zeros: behind the last line after a crash of the machine, before the first
// one when somebody has emptied a file that its writer does not append to. A hole ends a line, as a
// line end does: it may be larger than any line.

import Basics
import Synchronization

/// Reads files in blocks that begin and end with a line.
public enum LineBlocks {
  /// Lines of a file.
  public struct Block {
    /// The lines, each with its line end; the file's last one may have none.
    public let bytes: UnsafeBufferPointer<UInt8>
    /// Where the first one begins, in the unpacked content.
    public let offset: UInt64
    /// Which thread calls, from 0.
    public let thread: Int
  }

  /// Why a file was not read to its end.
  public enum Problem: Error {
    case system(KernelError)
    case damagedGzip
    /// The same of another format, by its name.
    case damaged(String)
    /// The program that unpacks it can't be used.
    case program(UnpackingProgram.Problem, PackedFormat)
    /// Zeros and other control characters all over its beginning: no text.
    case binary

    /// The problem in words.
    public var message: String {
      switch self {
      case .system(let error): error.describe()
      case .damagedGzip: "the gzip data is damaged or truncated; it is read up to that point"
      case .damaged(let name):
        "the \(name) data is damaged or truncated; it is read up to that point"
      case .program(.missing, let format):
        "is compressed with \(format.name); install the program \(format.program) to read it"
      case .program(.system(let error), let format):
        "can't run \(format.program) to unpack it: \(error.describe())"
      case .binary: "is a binary file"
      }
    }
  }

  /// What one block's own lines may begin in.
  private static var stride: Int { 1 << 20 }
  /// What is read behind the stride at once, for the last line's rest.
  private static var tail: Int { 1 << 14 }
  /// Lines up to this length are whole for certain; what is longer is cut there.
  public static var longestLine: Int { 2 << 20 }

  /// Calls `body` with each block of `file`, on at most `threads` threads; in order if it is one,
  /// and always one for what can be read from the beginning only. `progress` gets bytes of the file
  /// that have been read.
  public static func forEach(
    in file: ReadableFile, threads: Int, progress: @escaping @Sendable (Int) -> Void = { _ in },
    _ body: @escaping @Sendable (Block) -> Void
  ) -> Problem? {
    forEachNumbered(in: file, threads: threads, last: nil, progress: progress) { _, block in
      if let block { body(block) }
    }
  }

  /// Calls `summarize` with each block of `file`, on at most `threads` threads, and `add` with what
  /// came of each, one after the other in the order of the blocks. Of a file that can be read
  /// anywhere these may be the lines in about the `last` bytes only.
  public static func forEach<Summary: Sendable>(
    in file: ReadableFile, threads: Int, last: Int? = nil,
    progress: @escaping @Sendable (Int) -> Void = { _ in },
    summarize: @escaping @Sendable (Block) -> Summary, add: @escaping @Sendable (Summary) -> Void
  ) -> Problem? {
    let results = OrderedResults(first: firstBlock(of: file, last), most: 4 * threads, add)
    return forEachNumbered(in: file, threads: threads, last: last, progress: progress) {
      results.deliver($1.map(summarize), number: $0)
    }
  }

  /// True when parts of a file can be read without what precedes them.
  public static func canReadEnd(of file: ReadableFile) -> Bool {
    file.kind == .regular && !GzipStream.isGzip(file) && PackedFormat(of: file) == nil
  }

  private static func firstBlock(of file: ReadableFile, _ last: Int?) -> Int {
    guard let last, canReadEnd(of: file) else { return 0 }
    return max(0, Int(file.size) - last) / stride
  }

  /// The blocks with their numbers, each once; nil for one in which no line begins.
  private static func forEachNumbered(
    in file: ReadableFile, threads: Int, last: Int?, progress: @escaping @Sendable (Int) -> Void,
    _ body: @escaping @Sendable (Int, Block?) -> Void
  ) -> Problem? {
    if GzipStream.isGzip(file) { return unpack(file, progress, body) }
    if let format = PackedFormat(of: file) { return unpack(file, format, progress, body) }
    if file.kind == .stream { return readStream(file, body) }
    if case .success(let start) = file.bytes(at: 0, count: 4096), isBinary(start) {
      return .binary
    }
    let size = Int(file.size)
    let first = firstBlock(of: file, last)
    let count = max(1, min(threads, (size - first * stride) / (4 * stride)))
    let next = Atomic<Int>(first)
    let shared = Shared(next: next)
    JoinedThreads.run(count: count) { thread in
      read(file, size: size, thread: thread, shared, progress, body)
    }
    return shared.problem.withLock { $0 }.map { .system($0) }
  }

  /// Holes are few and long, and text has no control characters beside those of lines and colours.
  private static func isBinary(_ start: [UInt8]) -> Bool {
    var (zeros, holes, controls) = (0, 0, 0)
    var last: UInt8 = 1
    for byte in start {
      if byte == 0 { (zeros, holes) = (zeros + 1, last == 0 ? holes : holes + 1) }
      let isUsual = byte >= 0x20 || (0x07...0x0D).contains(byte) || byte == 0x1B
      if !isUsual && byte != 0 { controls += 1 }
      last = byte
    }
    return zeros > 0 && (holes + controls) * 32 > start.count - zeros + 64
  }

  /// What the threads have in common.
  private final class Shared: Sendable {
    let next: Atomic<Int>
    let problem = Mutex<KernelError?>(nil)
    init(next: consuming Atomic<Int>) { self.next = next }
  }

  private static func read(
    _ file: ReadableFile, size: Int, thread: Int, _ shared: Shared,
    _ progress: @Sendable (Int) -> Void, _ body: @Sendable (Int, Block?) -> Void
  ) {
    // One byte before the stride tells whether a line begins with it.
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: 1 + stride + longestLine, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let number = shared.next.add(1, ordering: .relaxed).oldValue
      let start = number * stride
      guard start < size else { return }
      switch block(of: file, at: start, buffer) {
      case .success(let lines):
        if let lines, !lines.isEmpty {
          let place = start - min(start, 1) + lines.lowerBound
          let bytes = UnsafeBufferPointer(
            rebasing: UnsafeRawBufferPointer(buffer).bindMemory(to: UInt8.self)[lines])
          body(number, Block(bytes: bytes, offset: UInt64(place), thread: thread))
        } else {
          body(number, nil)
        }
        progress(stride)
      case .failure(let error):
        shared.problem.withLock { $0 = $0 ?? error }
        body(number, nil)
        return
      }
    }
  }

  /// Reads the lines that begin in the stride from `start` on; the result lies in `buffer`.
  private static func block(
    of file: ReadableFile, at start: Int, _ buffer: UnsafeMutableRawBufferPointer
  ) -> Result<Range<Int>?, KernelError> {
    let lead = min(start, 1)
    var count = 0
    var wanted = lead + stride + tail
    while true {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[count..<wanted])
      switch file.read(into: rest, at: UInt64(start - lead + count)) {
      case .failure(let error): return .failure(error)
      case .success(let more):
        count += more
        let isAtEnd = count < wanted
        // The last own line ends with the first line end at or behind the stride's last byte.
        let text = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        let lastPlace = lead + stride - 1
        let lineEnd = count > lastPlace ? lineEnd(in: text, from: lastPlace) : nil
        if lineEnd == nil, !isAtEnd, wanted < buffer.count {
          wanted = min(buffer.count, wanted * 2)
          continue
        }
        let first = lead == 0 ? 0 : self.lineEnd(in: text, from: 0).map { $0 + 1 } ?? count
        guard first < lead + stride else { return .success(nil) }
        return .success(first..<max(first, lineEnd.map { $0 + 1 } ?? count))
      }
    }
  }

  private static func lineEnd(in text: UnsafeRawBufferPointer, from start: Int) -> Int? {
    let bytes = text.bindMemory(to: UInt8.self)
    let found = bytes.span.index(ofEither: UInt8(ascii: "\n"), 0, from: start)
    return found < bytes.count ? found : nil
  }

  private static func unpack(
    _ file: ReadableFile, _ progress: @Sendable (Int) -> Void,
    _ body: @Sendable (Int, Block?) -> Void
  ) -> Problem? {
    let stream = GzipStream(file)
    var reported: UInt64 = 0
    return readSequentially(body) { memory in
      let result = stream.read(into: memory)
      progress(Int(stream.offset - reported))
      reported = stream.offset
      return result.mapError { problem in
        switch problem {
        case .system(let error): Problem.system(error)
        case .damaged: Problem.damagedGzip
        }
      }
    }
  }

  /// By another program, as far as it gets.
  private static func unpack(
    _ file: ReadableFile, _ format: PackedFormat, _ progress: @Sendable (Int) -> Void,
    _ body: @Sendable (Int, Block?) -> Void
  ) -> Problem? {
    do throws(UnpackingProgram.Problem) {
      let program = try UnpackingProgram(format, file)
      let problem = readSequentially(body) { program.read(into: $0).mapError { .system($0) } }
      progress(Int(file.size))
      if let problem { return problem }
      return program.hasSucceeded ? nil : .damaged(format.name)
    } catch {
      return .program(error, format)
    }
  }

  private static func readStream(
    _ file: ReadableFile, _ body: @Sendable (Int, Block?) -> Void
  ) -> Problem? {
    readSequentially(body) { file.read(into: $0, at: 0).mapError { Problem.system($0) } }
  }

  /// Blocks of what `more` delivers piece by piece; 0 is its end.
  private static func readSequentially(
    _ body: @Sendable (Int, Block?) -> Void,
    more: (UnsafeMutableRawBufferPointer) -> Result<Int, Problem>
  ) -> Problem? {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: longestLine, alignment: 64)
    defer { buffer.deallocate() }
    var count = 0
    var offset: UInt64 = 0
    var number = 0
    while true {
      let result = more(UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
      let added = (try? result.get()) ?? 0
      count += added
      let text = UnsafeBufferPointer(
        rebasing: UnsafeRawBufferPointer(buffer).bindMemory(to: UInt8.self)[..<count])
      var end = text.span.lastIndex(of: UInt8(ascii: "\n"), before: count).map { $0 + 1 } ?? 0
      if end == 0, count == buffer.count {
        end = text.span.lastIndex(of: 0, before: count).map { $0 + 1 } ?? 0
      }
      // At the end, and when a line is longer than all memory for it, what there is must do.
      if added == 0 || (end == 0 && count == buffer.count) { end = count }
      if end > 0 {
        let lines = UnsafeBufferPointer(rebasing: text[..<end])
        body(number, Block(bytes: lines, offset: offset, thread: 0))
        number += 1
        offset += UInt64(end)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[end..<count]))
        count -= end
      }
      if case .failure(let problem) = result { return problem }
      if added == 0 { return nil }
    }
  }
}
