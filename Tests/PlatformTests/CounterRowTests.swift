import Platform
import Testing

/// Numbers that one thread writes and others read.
struct CounterRowTests {
  @Test func numbersBeginAtZeroAndAdd() {
    let memory = CounterMemory(count: 40)
    let row = memory.row.advanced(by: 8)
    #expect((0..<32).allSatisfy { row[$0] == 0 })
    row.add(3)
    row.add(3, 41)
    row[4] = 7
    row.add(4, UInt64(bitPattern: -1))
    #expect(row[3] == 42 && row[4] == 6 && memory.row[11] == 42)
    // Its last number is inside the memory, which AddressSanitizer would tell.
    row[31] = 1
    #expect(memory.row[39] == 1)
  }

  /// What belongs together is read together or not at all.
  @Test func changesAreSeenWholeOrNotAtAll() throws {
    let memory = CounterMemory(count: 8)
    let row = memory.row
    #expect(row.read(0) { row[1] } == nil)
    row.change(0) {
      row[1] = 5
      #expect(row.read(0) { row[1] } == nil)
    }
    #expect(row.read(0) { row[1] } == 5)
    #expect(
      row.read(0) { () -> UInt64 in
        row.change(0) { row[1] = 6 }
        return row[1]
      } == nil)
  }

  /// A reader meets a writer that changes two numbers all the time: they are equal whenever it gets
  /// them, and it does get them.
  @Test func aReaderOnAnotherThread() throws {
    let memory = CounterMemory(count: 8)
    let isOver = Guarded(false)
    let threads = try WorkerThreads()
    try threads.start(name: "writer") {
      var number: UInt64 = 0
      while !isOver.current {
        for _ in 0..<100 {
          number += 1
          memory.row.change(0) {
            memory.row[1] = number
            memory.row[2] = number
          }
        }
      }
    }
    defer {
      isOver.withLock { $0 = true }
      threads.join()
    }
    var readCount = 0
    var last: UInt64 = 0
    while readCount < 10_000 {
      let row = memory.row
      guard let (first, second) = row.read(0, { (row[1], row[2]) }) else { continue }
      readCount += 1
      guard first == second, first >= last else {
        Issue.record("\(first) and \(second) behind \(last)")
        break
      }
      last = first
    }
  }
}
