// Rotation in a folder: numbers, and files that are packed while their numbers change.

import CLinux
import Glibc
import Platform
import Testing

@Suite struct RotationTests {
  private let folder: TemporaryFolder
  private let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.path + "/access.log"
  }

  private func write(_ text: String, to suffix: String = "") {
    let number = open(path + suffix, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    _ = Array(text.utf8).withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
    close(number)
  }

  private func content(_ suffix: String = "") -> String? {
    let bytes = try? FileContent.read(path: path + suffix, limit: 1 << 22).get()
    return bytes.map { String(decoding: $0, as: UTF8.self) }
  }

  private func unpacked(_ suffix: String) throws -> String {
    let stream = GzipStream(try ReadableFile.open(path: path + suffix).get())
    var text = [UInt8](repeating: 0, count: 1 << 22)
    let count = try text.withUnsafeMutableBytes { try stream.read(into: $0).get() }
    return String(decoding: text[..<count], as: UTF8.self)
  }

  /// What stands behind the log's own name, of all files.
  private var suffixes: [String] {
    LogFolder.siblings(of: path).map { String($0.dropFirst(path.count)) }
  }

  private func rotate(keep: Int = 10) throws { try NumberedFiles(path: path).rotate(keep: keep) }

  /// A program that another test starts holds the descriptors of all for a moment: then the file
  /// is to be packed later.
  private func found() throws -> LogPacking? {
    for _ in 0..<200 {
      switch try LogPacking.search(NumberedFiles(path: path)) {
      case .found(let packing): return packing
      case .none: return nil
      case .later: usleep(10_000)
      }
    }
    return nil
  }

  @Test func eachRotationRaisesTheNumbers() throws {
    for text in ["one", "two", "three"] {
      write(text)
      try rotate()
      #expect(content() == "")
    }
    #expect([content(".1"), content(".2"), content(".3")] == ["three", "two", "one"])
    #expect(suffixes == [".1", ".2", ".3"])
  }

  @Test func packedFilesMoveToo() throws {
    for (suffix, text) in [(".1", "b"), (".2.gz", "a"), ("", "c")] { write(text, to: suffix) }
    try rotate()
    #expect([content(".1"), content(".2"), content(".3.gz")] == ["c", "b", "a"])
  }

  /// Behind a gap nothing needs to move, and what has another kind of name is nobody's business.
  @Test func onlyWhatIsInTheWayMoves() throws {
    let others = [".3", ".20261122", "-20261122.gz", ".1.bak", ".01"]
    for suffix in others + ["", ".1"] { write(suffix, to: suffix) }
    try rotate()
    #expect(suffixes.sorted() == (others + [".1", ".2"]).sorted())
    #expect(content(".3") == ".3")
    #expect(content(".2") == ".1")
  }

  /// Rotates as often as there are texts, the last of which becomes number 1.
  private func putAside(_ texts: [String]) throws {
    for text in texts {
      write(text)
      try rotate()
    }
  }

  @Test func whatIsBeyondKeepGoes() throws {
    try putAside(["d", "c", "b", "a"])
    write("new")
    try rotate(keep: 2)
    #expect(suffixes == [".1", ".2"])
    #expect([content(".1"), content(".2")] == ["new", "a"])
  }

  /// Files of another rotation move on when they are in the way; none is lost, packed ones too.
  @Test func foreignFilesAreNeverRemoved() throws {
    let foreign = [".1", ".2", ".3.gz", ".4", ".6", ".11.gz"]
    for suffix in foreign { write("foreign \(suffix)", to: suffix) }
    for round in 0..<7 {
      write("\(round)")
      try rotate(keep: 2)
      let contents = suffixes.compactMap { content($0) }
      for suffix in foreign { #expect(contents.contains("foreign \(suffix)")) }
      #expect(contents.filter { $0.count == 1 }.count == min(2, round + 1))
    }
    #expect([content(".1"), content(".2")] == ["6", "5"])
  }

  /// A gap that rotation itself closes does not make what is behind it rotation's own.
  @Test func aGapThatClosesGivesNothingAway() throws {
    write("foreign", to: ".5")
    for round in 0..<8 {
      write("\(round)")
      try rotate(keep: 3)
      #expect(suffixes.compactMap { content($0) }.contains("foreign"))
    }
    #expect(suffixes == [".1", ".2", ".3", ".5"])
  }

  /// The name is not enough, nor is the file's number in its file system, which is given again.
  @Test func anotherFileUnderAnOwnNameIsForeign() throws {
    try putAside(["c", "b", "a"])
    unlink(path + ".2")
    write("foreign", to: ".2")
    for round in 0..<5 {
      write("\(round)")
      try rotate(keep: 1)
      #expect(suffixes.compactMap { content($0) }.filter { $0.count > 1 } == ["foreign"])
    }
  }

  /// Somebody wants to keep one, and has given it a name of his own.
  @Test func anOwnFileThatWasRenamedIsForeign() throws {
    try putAside(["b", "a"])
    rename(path + ".2", path + ".2023")
    for round in 0..<3 {
      write("\(round)")
      try rotate(keep: 1)
    }
    #expect(suffixes == [".1", ".2023"])
    #expect(content(".2023") == "b")
  }

  /// A log that is too small was put aside by another process meanwhile.
  @Test func onlyALargeLogIsPutAside() throws {
    write("small")
    try NumberedFiles(path: path).rotate(keep: 2, from: 6)
    #expect(suffixes == [])
    try NumberedFiles(path: path).rotate(keep: 2, from: 5)
    #expect(suffixes == [".1"])
  }

  @Test func foreignFilesAreNotPacked() throws {
    for suffix in [".1", ".2023", ".11"] { write("foreign", to: suffix) }
    write("foreign", to: ".gz-part")
    guard case .none = try LogPacking.search(NumberedFiles(path: path)) else {
      Issue.record("a foreign file would be packed")
      return
    }
    try putAside(["own"])
    let packing = try #require(try found())
    while try !packing.step() {}
    #expect(Set(suffixes) == [".1.gz", ".2", ".2023", ".11", ".gz-part"])
    #expect(try unpacked(".1.gz") == "own")
    #expect(content(".gz-part") == "foreign")
  }

  /// A packed file takes nobody's name.
  @Test func aPackedNameThatIsTakenStays() throws {
    try putAside(["own"])
    write("foreign", to: ".1.gz")
    #expect(try found() == nil)
    #expect([content(".1"), content(".1.gz")] == ["own", "foreign"])
  }

  /// Numbers that rotation can't have made are years, or whatever else somebody named so.
  @Test func whatSomebodyElseMadeStays() throws {
    let others = [".2023", ".1999.gz", ".5", ".12", ".03", ".3.old", ".4.gz.part", ".10000"]
    for suffix in others + [""] { write(suffix, to: suffix) }
    for round in 0..<5 {
      write("\(round)")
      try rotate(keep: 2)
      #expect(suffixes.sorted() == (others + [".1", ".2"].prefix(round + 1)).sorted())
    }
    for suffix in others { #expect(content(suffix) == suffix) }
  }

  /// A smaller `keep=` than before removes what the larger one had kept.
  @Test func aSmallerKeepCleansUp() throws {
    for round in 0..<8 {
      write("\(round)")
      try rotate(keep: 8)
    }
    write("last")
    try rotate(keep: 3)
    #expect(suffixes == [".1", ".2", ".3"])
    #expect(content(".1") == "last")
  }

  @Test func theNewFileHasTheOldOnesMode() throws {
    write("text")
    #expect(chmod(path, 0o664) == 0)
    try rotate()
    var status = stat()
    #expect(stat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o664)
  }

  /// Who has the log open goes on writing into the file that was put aside.
  @Test func anOpenLogIsNotDisturbed() throws {
    let log = try LogFile.open(path: path).get()
    try rotate()
    _ = "late\n".withCString { Glibc.write(log.number, $0, 5) }
    LogFile.close(log)
    #expect(content(".1") == "late\n")
    #expect(content() == "")
  }

  @Test func whatCannotBeRotatedStays() throws {
    #expect(mkfifo(path, 0o600) == 0)
    #expect(throws: RotationProblem.self) { try rotate() }
    #expect(suffixes == [])
    // What a link names is somebody's choice of place; it is said that it stays.
    write("large", to: ".file")
    unlink(path)
    #expect(symlink(path + ".file", path) == 0)
    #expect(NumberedFiles(path: path).size == 5)
    #expect(throws: RotationProblem.self) { try rotate() }
    #expect(content() == "large")
    // There is room for the name, but none for a number behind it.
    let long = folder.path + "/" + String(repeating: "x", count: 254)
    close(open(long, O_WRONLY | O_CREAT, 0o600))
    let problem = #expect(throws: RotationProblem.self) {
      try NumberedFiles(path: long).rotate(keep: 10)
    }
    #expect(problem?.message == "\(long) can't be renamed: file name too long")
    #expect(LogFolder.exists(long))
  }

  @Test func aPackedFileTakesTheOthersPlace() throws {
    let text = (0..<200_000).map { "line \($0)\n" }.joined()
    try putAside([text, ""])
    #expect(chmod(path + ".2", 0o640) == 0)
    for _ in 1...2 {
      let packing = try #require(try found())
      while try !packing.step() { #expect(!suffixes.contains(".2.gz")) }
    }
    #expect(suffixes == [".1.gz", ".2.gz"])
    #expect(try unpacked(".2.gz") == text)
    #expect(try unpacked(".1.gz") == "")
    var status = stat()
    #expect(stat(path + ".2.gz", &status) == 0)
    #expect(status.st_mode & 0o777 == 0o640)
    guard case .none = try LogPacking.search(NumberedFiles(path: path)) else {
      Issue.record("there is still something to pack")
      return
    }
  }

  /// A worker that has not reopened yet must not write into a file that is gone.
  @Test func whatIsWrittenToIsLeftAlone() throws {
    try putAside(["x"])
    let log = try LogFile.open(path: path + ".1").get()
    guard case .later = try LogPacking.search(NumberedFiles(path: path)) else {
      Issue.record("a file that is open for writing would be packed")
      return
    }
    LogFile.close(log)
    #expect(try found() != nil)
  }

  @Test func aFileIsPackedUnderItsLatestNumber() throws {
    let text = String(repeating: "0123456789\n", count: 100_000)
    try putAside([text])
    write("next")
    let packing = try #require(try found())
    #expect(try !packing.step())
    try rotate()
    while try !packing.step() {}
    #expect(suffixes == [".1", ".2.gz"])
    #expect(try unpacked(".2.gz") == text)
  }

  @Test func whatWasDroppedMeanwhileLeavesNothing() throws {
    try putAside([String(repeating: "x", count: 1 << 20)])
    write("next")
    do {
      let packing = try #require(try found())
      #expect(try !packing.step())
      try rotate(keep: 1)
      while try !packing.step() {}
    }
    #expect(suffixes == [".1"])
    #expect(content(".1") == "next")
  }

  /// Ended half-way, it leaves the file as it was; what a killed process left is overwritten; and
  /// two processes do not pack the same at once.
  @Test func halfAPackedFileIsNeverSeen() throws {
    let text = String(repeating: "y", count: 1 << 20)
    try putAside([text])
    do {
      let packing = try #require(try found())
      #expect(try !packing.step())
      #expect(try found() == nil)
      // As a process that is killed leaves it.
      link(path + ".gz-part", folder.path + "/left")
    }
    #expect(suffixes == [".1"])
    rename(folder.path + "/left", path + ".gz-part")
    let packing = try #require(try found())
    while try !packing.step() {}
    #expect(suffixes == [".1.gz"])
    #expect(try unpacked(".1.gz") == text)
  }
}
