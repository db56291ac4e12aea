import Basics
import Glibc
import Platform
import Synchronization
import Testing

private struct Count: CountedState {
  var value: Int
  var isHeld = false
  var mayGo: Bool { !isHeld }
}

@Suite struct LimitZoneTests {
  private func hash(_ zone: LimitZone<Count>, _ number: Int) -> UInt64 {
    zone.hash(Array("key \(number)".utf8).span)
  }

  private func value(_ zone: LimitZone<Count>, _ number: Int) -> Int? {
    var found: Int?
    zone.change(hash(zone, number)) { state in found = state?.value }
    return found
  }

  @Test(arguments: [32 * 1024, 4 * 1024 * 1024] as [UInt64])
  func keepsWhatItWasTold(bytes: UInt64) {
    let zone = LimitZone<Count>(bytes: bytes)
    for number in 0..<400 { zone.change(hash(zone, number)) { $0 = Count(value: number) } }
    for number in stride(from: 0, to: 400, by: 3) { zone.change(hash(zone, number)) { $0 = nil } }
    for number in 0..<400 { #expect(value(zone, number) == (number % 3 == 0 ? nil : number)) }
    for number in 0..<400 { zone.change(hash(zone, number)) { $0 = Count(value: -number) } }
    for number in 0..<400 { #expect(value(zone, number) == -number) }
  }

  @Test func theOldestGoesWhenItIsFull() {
    let zone = LimitZone<Count>(bytes: 64 * 100)
    for number in 0..<100 { zone.change(hash(zone, number)) { $0 = Count(value: number) } }
    // Looked at again: no longer the oldest.
    #expect(value(zone, 0) == 0)
    for number in 100..<150 {
      let isKept = zone.change(hash(zone, number)) { $0 = Count(value: number) }
      #expect(isKept)
    }
    #expect(value(zone, 0) == 0)
    for number in 1...50 { #expect(value(zone, number) == nil, "\(number)") }
    for number in 51..<150 { #expect(value(zone, number) == number, "\(number)") }
  }

  @Test func whatIsHeldDoesNotGo() {
    let zone = LimitZone<Count>(bytes: 64 * 64)
    for number in 0..<64 {
      zone.change(hash(zone, number)) { $0 = Count(value: number, isHeld: true) }
    }
    var isKept = zone.change(hash(zone, 64)) { $0 = Count(value: 64) }
    #expect(!isKept)
    #expect(value(zone, 64) == nil)
    zone.change(hash(zone, 7)) { $0 = nil }
    isKept = zone.change(hash(zone, 64)) { $0 = Count(value: 64) }
    #expect(isKept)
  }

  @Test func noThreadLosesACount() throws {
    let zone = LimitZone<Count>(bytes: 64 * 64)
    let threads = try WorkerThreads()
    for thread in 0..<4 {
      try threads.start(name: "test-\(thread)") {
        for number in 0..<20_000 {
          let key = [UInt8(number % 7)]
          zone.change(zone.hash(key.span)) { state in
            state = Count(value: (state?.value ?? 0) + 1)
          }
        }
      }
    }
    threads.join()
    let sums = (0..<7).map { number -> Int in
      var found = 0
      zone.change(zone.hash([UInt8(number)].span)) { found = $0?.value ?? 0 }
      return found
    }
    #expect(sums.reduce(0, +) == 80_000)
  }
}

@Suite struct PasswordChecksTests {
  private static func checks(
    _ match: @escaping PasswordChecks.Match = { $0 == $1 }
  ) -> PasswordChecks {
    PasswordChecks(queue: 4, memory: 8, fileBytes: 1000, match: match)
  }

  private func answer(
    _ checks: PasswordChecks, _ path: String, _ user: String, _ password: String
  ) -> PasswordVerdict {
    checks.answer(
      PasswordQuestion(
        file: Array(path.utf8), user: Array(user.utf8), password: Array(password.utf8)))
  }

  @Test func readsTheFile() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/users"
    folder.write("# a:b\na:one:more\n\nb:two\r\na:three\nnone\n:x\n", to: "users")
    let checks = Self.checks()
    #expect(answer(checks, path, "a", "one") == .right)
    #expect(answer(checks, path, "a", "three") == .wrong)
    #expect(answer(checks, path, "b", "two") == .right)
    #expect(answer(checks, path, "# a", "b") == .wrong)
    #expect(answer(checks, path, "none", "") == .wrong)
    #expect(answer(checks, folder.path + "/missing", "a", "one") == .noFile)
    #expect(answer(checks, folder.path, "a", "one") == .unreadable)
    folder.write(String(repeating: "x", count: 1001), to: "large")
    #expect(answer(checks, folder.path + "/large", "a", "one") == .unreadable)
  }

  @Test func answersByTicketAndOnce() throws {
    let folder = try TemporaryFolder()
    folder.write("a:one\n", to: "users")
    let made = Counter()
    let checks = Self.checks { password, hash in
      made.add()
      return password == hash
    }
    let threads = try WorkerThreads()
    try threads.start(name: "test-files") { checks.runLookUps() }
    try threads.start(name: "test-hashes") { checks.runHashes() }
    let rung = Counter()
    let answers = PasswordAnswers { rung.add() }
    let file = Array((folder.path + "/users").utf8)
    var found: [UInt64: PasswordVerdict] = [:]
    for ticket in 1...6 as ClosedRange<UInt64> {
      let password = Array((ticket % 2 == 0 ? "one" : "two").utf8)
      let question = PasswordQuestion(file: file, user: Array("a".utf8), password: password)
      #expect(checks.ask(question, ticket, answers))
      while rung.value < ticket { usleep(1000) }
      for answer in answers.take() { found[answer.ticket] = answer.verdict }
    }
    #expect(found == [1: .wrong, 2: .right, 3: .wrong, 4: .right, 5: .wrong, 6: .right])
    #expect(made.value == 2)
    checks.end()
    threads.join()
  }

  @Test func refusesMoreThanItMayKeepWaiting() {
    let checks = Self.checks()
    let question = PasswordQuestion(file: [], user: [], password: [])
    let answers = PasswordAnswers {}
    for ticket in 0..<4 as Range<UInt64> { #expect(checks.ask(question, ticket, answers)) }
    #expect(!checks.ask(question, 4, answers))
  }
}

private final class Counter: Sendable {
  private let count = Atomic<UInt64>(0)
  var value: UInt64 { count.load(ordering: .acquiring) }
  func add() { count.add(1, ordering: .acquiringAndReleasing) }
}

extension TemporaryFolder {
  fileprivate func write(_ text: String, to name: String) {
    let file = fopen(path + "/" + name, "w")
    fputs(text, file)
    fclose(file)
  }
}
