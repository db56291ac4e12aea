// The sizes and names that keep the repository readable.

import Foundation
import Testing

private let longestFile = 600
private let longestLine = 100

@Suite struct SourceTests {
  @Test func topLevelHoldsOnlyWhatBelongsThere() throws {
    let expected: Set<String> = [
      "Package.swift", "Sources", "Tests", "proxy.conf.example", "README.md", "LICENSE",
      "CHANGELOG.md",
    ]
    // The package manager's own, which git ignores.
    let resolved: Set<String> = ["Package.resolved"]
    let found = try Set(Repository.names(in: ".")).subtracting(resolved)
    #expect(found.subtracting(expected).isEmpty)
    #expect(expected.subtracting(found).isEmpty)
  }

  @Test func filesHoldOneIdea() throws {
    for path in try Repository.everySource() {
      let count = try Repository.lines(of: path).count - 1
      #expect(count <= longestFile, "\(path) has \(count) lines")
    }
  }

  @Test func linesFitTheScreen() throws {
    for path in try Repository.everySource() {
      // Counting characters takes long, and no line has more of them than bytes.
      for (index, line) in try Repository.lines(of: path).enumerated()
      where line.utf8.count > longestLine {
        #expect(line.count <= longestLine, "\(path):\(index + 1) has \(line.count) characters")
      }
    }
  }

  @Test func nothingIsLeftOpen() throws {
    // Put together here, so that this file passes its own test.
    let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
    for path in try Repository.everySource() {
      for (index, line) in try Repository.lines(of: path).enumerated() {
        let words = line.split { !$0.isLetter }
        #expect(!words.contains { marks.contains(String($0)) }, "\(path):\(index + 1): \(line)")
      }
    }
  }

  @Test func filesAreNamedForWhatTheyHold() throws {
    let vague: Set<String> = ["utils", "util", "utilities", "helpers", "helper", "misc", "common"]
    for path in try Repository.everySource() {
      let name = URL(filePath: path).deletingPathExtension().lastPathComponent.lowercased()
      #expect(!vague.contains(name), "\(path) says nothing of what it holds")
    }
  }

  @Test func everyTestFileIsFound() throws {
    let sources = try Repository.everySource()
    #expect(sources.contains("Tests/run"))
    #expect(sources.contains("Tests/Benchmarks/gates"))
    #expect(sources.contains { $0.hasPrefix("Sources/HTTP/") })
    #expect(!sources.contains { $0.contains("__pycache__") })
  }
}
