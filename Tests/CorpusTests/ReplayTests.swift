import Foundation
import Properties
import Testing

/// Every input that fuzzing has kept, faults of the past among them, keeps every rule today.
@Suite struct ReplayTests {
  private static let corpora = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Corpora")

  /// The files of a corpus.
  private static func files(of name: String) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(
      at: corpora.appending(path: name), includingPropertiesForKeys: nil,
      options: .skipsHiddenFiles
    ).sorted { $0.path < $1.path }
  }

  @Test(arguments: PropertyCatalog.all.map(\.name))
  func everyKeptInputKeepsTheRules(_ name: String) throws {
    let entry = try #require(PropertyCatalog.all.first { $0.name == name })
    let property = entry.make()
    let files = try Self.files(of: name)
    #expect(!files.isEmpty)
    for file in files {
      let input = Array(try Data(contentsOf: file))
      do throws(Violation) {
        try property.check(input.span)
      } catch {
        Issue.record("\(name)/\(file.lastPathComponent): \(error)")
      }
    }
  }

  /// A folder that no property reads would be a corpus that nobody replays.
  @Test func everyCorpusHasAProperty() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.corpora.path)
    #expect(Set(names.filter { !$0.hasPrefix(".") }) == Set(PropertyCatalog.all.map(\.name)))
  }
}
