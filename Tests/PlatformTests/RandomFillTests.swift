// Random bytes in short pieces, behind signals, and not at all.

import CLinux
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

  /// Signals that interrupt the system call cost pieces, not bytes.
  @Test func signalsDoNotLeaveBytesUnfilled() async {
    await #expect(processExitsWith: .success) {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { _ in }
      precondition(sigaction(SIGUSR1, &action, nil) == 0)
      try startSignalling(pthread_self())
      var calls = 0
      var bytes = [UInt8](repeating: 0, count: 32 << 20)
      let isFull = bytes.withUnsafeMutableBytes { buffer in
        RandomFill.fill(buffer) { place in
          calls += 1
          return clinux_random(place.baseAddress, place.count)
        }
      }
      precondition(isFull && calls > 1, "no call was cut short")
      for start in stride(from: 0, to: bytes.count, by: 64) {
        let isFilled = bytes[start..<(start + 64)].contains { $0 != 0 }
        precondition(isFilled, "64 zeros at \(start)")
      }
    }
  }
}

/// Sends SIGUSR1 to a thread, again and again, as long as the process lives.
private func startSignalling(_ target: pthread_t) throws {
  try WorkerThreads().start(name: "signals") {
    while true {
      pthread_kill(target, SIGUSR1)
      usleep(1_000)
    }
  }
}
