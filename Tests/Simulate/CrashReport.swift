import Glibc

/// Names the seed when the engine traps: a precondition that fails ends the whole process, and
/// would take the seed with it.
enum CrashReport {
  nonisolated(unsafe) private static var key = pthread_key_t()

  /// Makes every later trap name the seed that its thread plays.
  static func install() {
    pthread_key_create(&key, nil)
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT] { signal(number, report) }
  }

  /// Notes what this thread plays from now on.
  static func begin(_ seed: UInt64) {
    // One more than the seed: a null pointer stands for none.
    pthread_setspecific(key, UnsafeRawPointer(bitPattern: UInt(seed) + 1))
  }

  /// Writes with nothing but what a signal handler may use.
  private static let report: @convention(c) (Int32) -> Void = { _ in
    var digits = (UInt64(0), UInt64(0), UInt64(0))
    var rest = UInt64(UInt(bitPattern: pthread_getspecific(key))) &- 1
    withUnsafeMutableBytes(of: &digits) { buffer in
      var start = buffer.count
      repeat {
        start -= 1
        buffer[start] = UInt8(48 + rest % 10)
        rest /= 10
      } while rest > 0
      write("seed ")
      _ = Glibc.write(1, buffer.baseAddress! + start, buffer.count - start)
    }
    write(" failed:\n  oracle crash: the engine trapped\n")
    write("  replay: simulate --seed N --trace (of a debug build, for the reason)\n")
    _exit(1)
  }

  private static func write(_ text: StaticString) {
    _ = Glibc.write(1, text.utf8Start, text.utf8CodeUnitCount)
  }
}
