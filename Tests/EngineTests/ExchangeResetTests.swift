import Foundation
import Plan
import Testing

@testable import Engine

/// The memory of an exchange is used again and again: what `reset` forgets to forget would be part
/// of another request's.
struct ExchangeResetTests {
  /// A type whose values are used again, where it stands and where its `reset`, and the properties
  /// that keep what they hold, because it is set before it is read.
  struct Reused: CustomTestStringConvertible {
    let type: String
    let file: String
    let resetFile: String
    let kept: Set<String>

    var testDescription: String { type }
  }

  private static let reused = [
    Reused(
      type: "Exchange", file: "Engine/3-Request/Exchange.swift",
      resetFile: "Engine/3-Request/Exchange.swift",
      kept: [
        // Set by whoever makes it.
        "slot", "start",
        // Set when the flag or the count that stands for it is.
        "discardLeft", "loggedTermination", "upstreamIndex", "peerIndex", "tryStart",
        "firstTryStart", "responseHead",
        // Given back at the end.
        "kept",
      ]),
    Reused(
      type: "ExchangeRecord", file: "Telemetry/ExchangeRecord.swift",
      resetFile: "Telemetry/ExchangeRecord+Reset.swift",
      kept: [
        // Behind a flag or a count.
        "announcedClient", "secure", "tries", "groups", "trace",
        "authorizationStatus", "authorizationPeer", "authorizationDuration",
        "compressedFrom", "compressedTo",
        // Set when a request's server is known, or before a line is written.
        "fieldNames", "lineDate", "valueLimit",
      ]),
    Reused(
      type: "RequestHead", file: "HTTP/RequestHead.swift", resetFile: "HTTP/RequestHead.swift",
      kept: []),
    Reused(
      type: "ResponseHead", file: "HTTP/ResponseHead.swift",
      resetFile: "HTTP/ResponseHead.swift", kept: []),
  ]

  private func lines(_ file: String) throws -> [Substring] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "Sources/\(file)"), encoding: .utf8)
    return text.split(separator: "\n", omittingEmptySubsequences: false)
  }

  /// The names of a type's stored properties.
  private func properties(_ reused: Reused) throws -> [String] {
    let text = try lines(reused.file)
    let start = try #require(text.firstIndex { $0.contains("struct \(reused.type)") })
    let end = try #require(text[start...].firstIndex(of: "}"))
    return text[start..<end].compactMap { line in
      let words = line.split(separator: " ")
      guard line.prefix(3).last != " ", line.hasPrefix("  "), !line.contains(" {"),
        let place = words.firstIndex(of: "var"), place + 1 < words.count, words[0] != "//"
      else { return nil }
      return String(words[place + 1].prefix { $0.isLetter || $0.isNumber })
    }
  }

  @Test(arguments: reused) func everyPropertyIsReset(_ reused: Reused) throws {
    let text = try lines(reused.resetFile)
    let start = try #require(text.firstIndex { $0.contains("mutating func reset") })
    let body = text[start...].map { $0.trimmingCharacters(in: .whitespaces) }
    let properties = try properties(reused)
    #expect(properties.count >= 10)
    for name in properties where !reused.kept.contains(name) {
      let isReset = body.contains { line in
        ["\(name) = ", "self.\(name) = ", "\(name).reset()", "\(name).removeAll()"].contains {
          line.hasPrefix($0)
        }
      }
      #expect(isReset, "reset does not mention \(name)")
    }
    #expect(reused.kept.isSubset(of: properties), "a property that keeps its value is gone")
  }

  @Test func resetMakesWhatInitMakes() throws {
    let fresh = try bytes { _ in }
    let client = try #require(StreamPointer(bitPattern: 0x1000))
    let plan = try #require(UnsafePointer<LocationPlan>(bitPattern: 0x2000))
    let used = try [UInt8(0xA5), 0x5A].map { pattern in
      try bytes { exchange in
        for index in exchange.indices { exchange[index] = pattern }
        exchange.baseAddress?.assumingMemoryBound(to: Exchange.self).pointee.reset(
          client: client, server: 3, plan: plan)
      }
    }
    // What differs between the two was not written: it is padding, or keeps its value.
    let written = fresh.indices.filter { used[0][$0] == used[1][$0] }
    #expect(written.count > 300)
    for index in written { #expect(used[0][index] == fresh[index], "byte \(index)") }
  }

  /// The bytes of a new exchange after `change`.
  private func bytes(_ change: (UnsafeMutableRawBufferPointer) -> Void) throws -> [UInt8] {
    let client = try #require(StreamPointer(bitPattern: 0x1000))
    let plan = try #require(UnsafePointer<LocationPlan>(bitPattern: 0x2000))
    let exchange = ExchangePointer.allocate(capacity: 1)
    defer { exchange.deallocate() }
    exchange.initialize(to: Exchange(client: client, server: 3, plan: plan))
    let raw = UnsafeMutableRawBufferPointer(start: exchange, count: MemoryLayout<Exchange>.size)
    change(raw)
    return Array(raw)
  }
}
