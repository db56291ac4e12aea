import Basics
import Configuration
import Foundation
import Plan
import Testing

/// The files that are kept beside the code: the example, and the manual made from the entries.
struct ExampleTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The example would not start, or would warn on the first run.
  @Test func exampleCompilesWithoutDiagnostics() throws {
    let text = try String(
      contentsOf: Self.root.appending(path: "proxy.conf.example"), encoding: .utf8)
    let compiled = Compiling().compile(text)
    #expect(compiled.diagnostics.map { $0.render() } == [])
    #expect(compiled.plan?.tables.listeners.count == 2)
  }
}
