// Random bytes in short pieces, and not at all.

import Glibc
import Testing

@testable import Platform

@Suite struct RandomFillTests {
  /// A source that gives so many of the bytes 1, 2, 3 … in each call, or fails.
  private struct Scripted {
    var counts: [Int]
    var next: UInt8 = 1
    var asked: [Int] = []

    mutating func give(_ place: UnsafeMutableRawBufferPointer) -> Int {
      asked.append(place.count)
      let count = min(counts.removeFirst(), place.count)
      for index in 0..<max(0, count) {
        place[index] = next
        next += 1
      }
      return count
    }
  }

  private func fill(_ count: Int, _ source: inout Scripted) -> (Bool, [UInt8]) {
    var bytes = [UInt8](repeating: 0, count: count)
    let isFull = bytes.withUnsafeMutableBytes { buffer in
      RandomFill.fill(buffer) { source.give($0) }
    }
    return (isFull, bytes)
  }

  /// What one call leaves over, the next one is asked for; no byte is left as it was.
  @Test(arguments: [[16], [1, 15], [15, 1], [4, 4, 4, 4], Array(repeating: 1, count: 16)])
  func shortPiecesAreContinued(counts: [Int]) {
    var source = Scripted(counts: counts)
    let (isFull, bytes) = fill(16, &source)
    #expect(isFull && bytes == Array(1...16))
    #expect(source.counts.isEmpty)
    #expect(source.asked.first == 16 && source.asked.last == counts.last)
  }

  /// An error, or nothing at all, is no success, wherever it comes.
  @Test(arguments: [[-ENOSYS], [7, -EIO], [15, 0], [0]] as [[Int32]])
  func aSourceThatEndsFillsNothing(counts: [Int32]) {
    var source = Scripted(counts: counts.map { Int($0) })
    #expect(!fill(16, &source).0)
    #expect(source.counts.isEmpty)
  }
}
