// Who may import whom: the layers of the architecture, held by a test.

import Foundation
import Testing

/// What the sources of each target may import, and nothing else.
private let layers: [String: Set<String>] = [
  "CLinux": [],
  "CVector": [],
  "Basics": ["CVector"],
  "HTTP": ["Basics"],
  "Policy": ["Basics", "HTTP"],
  "Telemetry": ["Basics", "HTTP", "Policy"],
  "Plan": ["Basics", "HTTP", "Policy", "Telemetry"],
  "CPCRE2": [],
  "RegularExpressions": ["CPCRE2"],
  "COpenSSL": [],
  "CNghttp2": [],
  "HTTP2": ["CNghttp2"],
  "TLS": ["COpenSSL", "Synchronization"],
  "Configuration": [
    "Basics", "HTTP", "Policy", "Telemetry", "Plan", "RegularExpressions", "TLS",
  ],
  "LogReading": ["Basics", "HTTP", "Policy", "Telemetry"],
  "CZlib": [],
  "CBrotli": [],
  "ContentStages": ["CZlib", "CBrotli"],
  "CCrypt": [],
  "Passwords": ["CCrypt", "COpenSSL"],
  "Platform": ["Basics", "HTTP", "CLinux", "CZlib", "Glibc", "Synchronization"],
  "CCares": [],
  "Names": ["CCares", "Basics", "HTTP", "Policy", "Platform", "Glibc", "Synchronization"],
  "Engine": [
    "Basics", "ContentStages", "HTTP", "HTTP2", "Names", "Policy", "Telemetry", "Plan", "Platform",
    "RegularExpressions", "TLS",
  ],
  "Simulation": ["Basics", "HTTP", "Policy", "Telemetry", "Plan", "Platform", "Engine"],
  "waybill": [
    "Basics", "HTTP", "Policy", "Telemetry", "Plan", "Configuration", "Platform", "Engine",
    "LogReading", "Names", "TLS", "Passwords", "ArgumentParser", "Glibc", "Synchronization",
  ],
]

@Suite struct LayerTests {
  @Test func everyTargetHasItsPlace() throws {
    #expect(try Set(Repository.names(in: "Sources")) == Set(layers.keys))
  }

  @Test(arguments: layers.keys.sorted())
  func importsOnlyWhatIsBelow(target: String) throws {
    let allowed = try #require(layers[target])
    for path in try Repository.files(in: "Sources/" + target) where path.hasSuffix(".swift") {
      let imports = Set(try Repository.lines(of: path).compactMap(importedModule))
      let excess = imports.subtracting(allowed)
      #expect(excess.isEmpty, "\(path) imports \(excess.sorted().joined(separator: ", "))")
    }
  }

  @Test(
    arguments: [
      ("import HTTP", "HTTP"),
      ("  import Glibc  // for errno", "Glibc"),
      ("public import Basics", "Basics"),
      ("@_exported import Basics", "Basics"),
      ("@_spi(Testing) @testable import Engine", "Engine"),
      ("import struct Foundation.Date", "Foundation"),
      ("@preconcurrency internal import func Glibc.read", "Glibc"),
      ("// import Foundation", nil),
      ("let important = 1", nil),
      ("importer.run()", nil),
    ] as [(Substring, String?)])
  func recognisesImports(line: Substring, module: String?) {
    #expect(importedModule(line) == module)
  }
}

/// The module that a line imports, whatever attributes, access level and kind of declaration it
/// names.
private func importedModule(_ line: Substring) -> String? {
  let kinds: Set<Substring> = [
    "struct", "class", "enum", "protocol", "typealias", "func", "let", "var",
  ]
  let words = line.split(separator: " ")
  guard let position = words.firstIndex(of: "import") else { return nil }
  let accessLevels: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
  guard words[..<position].allSatisfy({ $0.hasPrefix("@") || accessLevels.contains($0) }) else {
    return nil
  }
  let name = words[(position + 1)...].first { !kinds.contains($0) }
  return name?.split(separator: ".").first.map(String.init)
}
