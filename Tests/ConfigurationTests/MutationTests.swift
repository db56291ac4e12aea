import Configuration
import Foundation
import Testing

/// Whatever becomes of a conf file under an editor's cursor, compiling it ends with a plan or with
/// an error, never with a crash, and says something about a real line.
struct MutationTests {
  static let example: [UInt8] = {
    let url = ExampleTests.root.appending(path: "proxy.conf.example")
    return (try? Data(contentsOf: url)).map { Array($0) } ?? []
  }()

  /// Comments switched on as far as they are directives: more of the grammar to break.
  static let uncommented: [UInt8] = {
    let lines = String(decoding: example, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    let switchedOn = lines.map { line -> String in
      let isDirective = line.hasPrefix("#") && !line.hasPrefix("# ") && line.contains(";")
      return isDirective ? String(line.dropFirst()) : String(line)
    }
    return Array(switchedOn.joined(separator: "\n").utf8)
  }()

  /// Either a plan or an error, and every diagnostic can be shown.
  static func check(_ bytes: [UInt8], _ what: String) {
    let compiled = Compiling().compile(bytes: bytes)
    let hasErrors = compiled.diagnostics.contains { $0.severity == .error }
    #expect((compiled.plan == nil) == hasErrors, "\(what)")
    for diagnostic in compiled.diagnostics {
      #expect(!diagnostic.render().isEmpty && diagnostic.column >= (diagnostic.line > 0 ? 1 : 0))
    }
  }

  /// The commented-out directives are part of the manual: they must be right, too.
  @Test func switchedOnDirectivesAreKnown() {
    let compiled = Compiling().compile(bytes: Self.uncommented)
    #expect(compiled.diagnostics.map { $0.render() } == [])
  }

  /// A file that was written only in part.
  @Test func truncations() {
    #expect(Self.example.count > 1000)
    for end in stride(from: 0, to: Self.example.count, by: 7) {
      Self.check(Array(Self.example[..<end]), "cut at \(end)")
    }
  }

  /// Slips of the finger: bytes changed, dropped, doubled, and brackets where none belong.
  @Test func mutations() {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    let marks = Array("{};'\"#\\$ \n=:/*~@[]".utf8) + [0, 0xFF, 0x80]
    for round in 0..<600 {
      var bytes = round % 2 == 0 ? Self.example : Self.uncommented
      for _ in 0...next(4) {
        let place = next(bytes.count)
        switch next(4) {
        case 0: bytes[place] = UInt8(next(256))
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(marks[next(marks.count)], at: place)
        default: bytes[place] = marks[next(marks.count)]
        }
      }
      Self.check(bytes, "round \(round)")
    }
  }
}
