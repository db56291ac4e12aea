// What all writers of one open file share.

import Basics
import CLinux
import Glibc
import Synchronization
import Testing

@testable import Platform

@Suite struct OwedLinesTests {
  /// A file that takes as many bytes as it is told, one number for each write.
  private struct Taker {
    var amounts: [Int]
    var text = ""

    mutating func write(_ bytes: UnsafeRawBufferPointer) -> WriteResult {
      let amount = min(amounts.isEmpty ? .max : amounts.removeFirst(), bytes.count)
      if amount == 0 { return .wouldBlock }
      text += String(decoding: bytes[..<amount], as: UTF8.self)
      return .bytes(amount)
    }
  }

  private func append(
    _ owed: inout OwedLines, _ text: String, _ taker: inout Taker, limit: Int = .max
  ) -> Int {
    let result = Array(text.utf8).withUnsafeBytes { bytes in
      owed.append(bytes, limit: limit) { taker.write($0) }
    }
    if case .bytes(let count) = result { return count }
    return 0
  }

  @Test func aTornLineCountsAndItsEndGoesFirst() {
    var owed = OwedLines()
    var taker = Taker(amounts: [4, 0, 1, 0])
    #expect(append(&owed, "ab\ncdef\ngh\n", &taker) == 8)
    #expect(!owed.isWhole && owed.lineCount == 1)
    #expect(append(&owed, "gh\n", &taker) == 0)
    #expect(append(&owed, "gh\n", &taker) == 0)
    #expect(taker.text == "ab\ncd")
    #expect(append(&owed, "gh\n", &taker) == 3)
    #expect(owed.isEmpty && taker.text == "ab\ncdef\ngh\n")
  }

  @Test func piecesAreWholeLines() {
    for (text, limit, piece) in [
      ("ab\ncd\n", 6, 6), ("ab\ncd\n", 5, 3), ("ab\ncd\n", 3, 3), ("abcdef\ncd\n", 3, 7),
      ("abcdef", 3, 6),
    ] {
      Array(text.utf8).withUnsafeBytes { #expect(OwedLines.piece(of: $0, limit: limit) == piece) }
    }
  }

  /// However a file takes lines, they come out as they went in.
  @Test(arguments: 1..<40)
  func anyWayOfTakingGivesTheSame(_ seed: Int) {
    var owed = OwedLines()
    var random = UInt64(seed)
    func next(_ limit: Int) -> Int {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(random >> 33) % limit
    }
    var taker = Taker(amounts: (0..<400).map { _ in next(9) })
    var waiting = (0..<100).map { "\($0)" + String(repeating: "x", count: next(12)) + "\n" }
    let all = waiting.joined()
    while !waiting.isEmpty {
      let text = waiting.joined()
      var count = append(&owed, text, &taker, limit: 1 + next(20))
      while count > 0 { count -= waiting.removeFirst().utf8.count }
      #expect(count == 0)
      if next(10) == 0 && !waiting.isEmpty {
        let left = Array(waiting[0].utf8).withUnsafeBytes { owed.leave($0, limit: .max) }
        #expect(left == waiting[0].utf8.count)
        waiting.removeFirst()
        while owed.carryOn(limit: 7, { taker.write($0) }) || !owed.isEmpty {}
      }
    }
    while owed.carryOn(limit: 7, { taker.write($0) }) || !owed.isEmpty {}
    #expect(taker.text == all)
  }

  @Test func onlyAsMuchIsLeftAsIsAllowed() {
    var owed = OwedLines()
    let count = Array("ab\ncd\nef\n".utf8).withUnsafeBytes { owed.leave($0, limit: 7) }
    #expect(count == 6 && owed.lineCount == 2 && owed.byteCount == 6)
  }
}

@Suite struct OpenLogTests {
  private func makePipe() throws -> (reader: Int32, writer: Int32) {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    return (ends[0], ends[1])
  }

  private func drain(_ reader: Int32, into text: inout [UInt8]) {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(reader, &bytes, bytes.count)
      if count <= 0 { return }
      text += bytes.prefix(count)
    }
  }

  @Test func oneFileHasOneState() throws {
    let (reader, writer) = try makePipe()
    let copy = dup(writer)
    let (otherReader, otherWriter) = try makePipe()
    func log(_ number: Int32) -> OpenLog {
      OpenLogs.log(of: LogDescriptor(number: number, mode: .pipe), name: "log", isOwn: true)
    }
    let first = log(writer)
    #expect(first === log(copy))
    #expect(first !== log(otherWriter))
    for number in [reader, writer, copy, otherReader, otherWriter] { close(number) }
  }

  /// Four threads write lines of which some are longer than what a pipe takes at once, to a reader
  /// that is slow; half of them leave what waits, as a worker that ends.
  @Test func linesOfAnyLengthStayWhole() throws {
    let (reader, writer) = try makePipe()
    let file = LogDescriptor(number: writer, mode: .pipe)
    let log = OpenLogs.log(of: file, name: "pipe", isOwn: true)
    let threads = try WorkerThreads()
    let count = 400
    for number in 0..<4 {
      try threads.start(name: "writes") {
        for round in 0..<count {
          let length = round % 7 == 0 ? 30_000 : 300
          let line = "\(number) \(round) " + String(repeating: "x", count: length) + " end\n"
          let bytes = Array(line.utf8)
          while true {
            let result = bytes.withUnsafeBytes { log.append($0, to: file) }
            if case .bytes(bytes.count) = result { break }
            if number < 2 && round % 10 == 0 {
              let left = bytes.withUnsafeBytes { log.leave($0, file, limit: .max) }
              precondition(left == bytes.count)
              break
            }
            usleep(500)
          }
        }
      }
    }
    var text: [UInt8] = []
    while threads.runningCount > 0 || !log.isFinished {
      drain(reader, into: &text)
      usleep(200)
    }
    drain(reader, into: &text)
    let lines = text.split(separator: 0x0a)
    let torn = lines.filter { line in
      let words = line.split(separator: 0x20)
      return words.count != 4 || Array(words[3]) != Array("end".utf8)
        || words[2].contains { $0 != 0x78 }
    }
    #expect(torn.isEmpty)
    let names = lines.map { line in
      Array(line.split(separator: 0x20).prefix(2).joined(separator: [0x20]))
    }
    #expect(Set(names).count == 4 * count)
    #expect(lines.count == 4 * count)
    close(writer)
    close(reader)
  }

  /// A lock of another open file, as another process has it, is waited for.
  @Test func aNeighboursTornLineIsWaitedFor() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/log"
    let mine = open(path, O_CREAT | O_RDWR | O_APPEND, 0o600)
    let other = open(path, O_RDWR | O_APPEND)
    let file = LogDescriptor(number: mine, mode: .file)
    let log = OpenLog(name: path, hasNeighbour: true)
    let line = Array("line\n".utf8)
    func isTaken() -> Bool {
      if case .bytes(5) = line.withUnsafeBytes({ log.append($0, to: file) }) { return true }
      return false
    }
    #expect(isTaken())
    #expect(clinux_lock_open_file(other) == 0)
    #expect(!isTaken())
    #expect(clinux_unlock_open_file(other) == 0)
    #expect(isTaken())
    log.share(withNeighbour: false)
    #expect(clinux_lock_open_file(other) == 0)
    #expect(isTaken())
    close(mine)
    close(other)
  }

  /// A line of an earlier process that has no end is not joined with the first one of this process.
  @Test func aHalfLineIsEnded() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/log"
    for (before, after) in [("a\nhalf", "a\nhalf\nline\n"), ("a\n", "a\nline\n"), ("", "line\n")] {
      let number = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
      _ = Array(before.utf8).withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
      close(number)
      LogFile.append(Array("line\n".utf8), to: path)
      let bytes = try FileContent.read(path: path, limit: 100).get()
      #expect(String(decoding: bytes, as: UTF8.self) == after)
    }
  }
}
