// Gives libFuzzer's inputs to one property. `--target=NAME` says which: libFuzzer ignores options
// with two dashes, and passes them on to the processes that it starts itself.

import Glibc
import Properties

/// libFuzzer's loop. SwiftPM gives the executable a `main` of its own, so that libFuzzer's can't be
/// used.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// libFuzzer calls a C function, which can't carry the property along.
nonisolated(unsafe) private var property: (any Property)?

private func runInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do throws(Violation) {
    try property?.check(UnsafeBufferPointer(start: start, count: count).span)
  } catch {
    fail("broken: \(error)")
    abort()
  }
  return 0
}

private func fail(_ text: String) {
  let line = Array((text + "\n").utf8)
  _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

@main struct Main {
  static func main() {
    if CommandLine.arguments.dropFirst() == ["--list"] {
      return PropertyCatalog.all.forEach { print($0.name) }
    }
    let option = "--target="
    let name = CommandLine.arguments.first { $0.hasPrefix(option) }?.dropFirst(option.count)
    guard let entry = PropertyCatalog.all.first(where: { $0.name == name ?? "" }) else {
      fail("usage: fuzz --target=NAME [libFuzzer's options and folders]")
      exit(2)
    }
    property = entry.make()
    var count = CommandLine.argc
    var arguments = CommandLine.unsafeArgv
    exit(runDriver(&count, &arguments) { runInput($0, $1) })
  }
}
