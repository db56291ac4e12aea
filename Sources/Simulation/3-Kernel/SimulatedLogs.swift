import Basics
import Platform

/// The log files of a world. A file is found by its path but written by its number, so renaming it
/// does not disturb who has it open, as with inodes.
struct SimulatedDisk {
  struct File {
    var bytes: [UInt8] = []
    /// A syslog server: it gets whole lines or none.
    var takesLines = false
    /// It is a pipe.
    var pipe: SimulatedPipe?
    /// No fault strikes it.
    var isReliable = false
    /// Bytes that it still takes before the disk is full.
    var room = 0
    /// The errors that writes meet until these times.
    var fullUntil = Instant(nanoseconds: 0)
    var stalledUntil = Instant(nanoseconds: 0)
    /// What all who have the file open share.
    var owed = OwedLines()
    /// The world is about to write what is owed.
    var isBeingFinished = false
  }

  var files: [File] = []
  /// Temporary files; they are empty again when they have been closed.
  var unnamedFiles: [[UInt8]] = []
  var numbers: [String: Int] = [:]
  var forbiddenPaths: Set<String> = []
  var fullUntil = Instant(nanoseconds: 0)

  /// The number of the file at `path`, which is created when there is none.
  mutating func number(of path: String) -> Int {
    if let number = numbers[path] { return number }
    files.append(File(takesLines: path.hasPrefix("syslog:")))
    numbers[path] = files.count - 1
    return files.count - 1
  }
}

/// What a test reads of the program's logs, and how it breaks them. The standard streams are the
/// files `/dev/stdout` and `/dev/stderr`.
public struct SimulatedLogs {
  let world: SimulatedWorld

  /// The bytes of the file at `path`; none when there is no file.
  public func bytes(of path: String) -> [UInt8] {
    world.disk.numbers[path].map { world.disk.files[$0].bytes } ?? []
  }

  /// The lines of the file at `path`, without their ends. What follows the last line end is a line,
  /// too: a torn one.
  public func lines(of path: String) -> [String] {
    bytes(of: path).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  /// True when there is a file at `path`.
  public func exists(_ path: String) -> Bool { world.disk.numbers[path] != nil }

  /// Renames a file, as logrotate does; who has it open writes on into it.
  public func rename(_ path: String, to other: String) {
    world.disk.numbers[other] = world.disk.numbers.removeValue(forKey: path)
  }

  /// Lets the opening of `path` fail with EACCES from now on, or not any more.
  public func forbid(_ path: String, _ isForbidden: Bool = true) {
    if isForbidden {
      world.disk.forbiddenPaths.insert(path)
    } else {
      world.disk.forbiddenPaths.remove(path)
    }
  }

  /// Makes what is at `path` a pipe of `capacity` bytes, at least 4096, of which `pace` are read in
  /// a millisecond. From one that `isBorrowed` (a standard stream that others have open, too) the
  /// program writes at most 4096 bytes at once.
  public func makePipe(_ path: String, capacity: Int, pace: Int, isBorrowed: Bool = false) {
    let number = world.disk.number(of: path)
    world.disk.files[number].pipe = SimulatedPipe(
      capacity: capacity, pace: pace, isBorrowed: isBorrowed)
  }

  /// Gives what is at `path` another name, too, as when both standard streams are one open file.
  public func join(_ other: String, with path: String) {
    precondition(world.disk.numbers[other] == nil, "join: \(other) is there already")
    world.disk.numbers[other] = world.disk.number(of: path)
  }

  /// Keeps every fault away from the file at `path`: what the program writes stands there.
  public func makeReliable(_ path: String) {
    world.disk.files[world.disk.number(of: path)].isReliable = true
  }

  /// Takes away what files without a name hold: nothing can be read of them any more.
  public func emptyUnnamedFiles() {
    for number in world.disk.unnamedFiles.indices { world.disk.unnamedFiles[number] = [] }
  }

  /// Lets every write fail with ENOSPC from now on for `duration`.
  public func fillDisk(for duration: Interval) { world.disk.fullUntil = world.now + duration }

  /// Lets writes to the file at `path` fail with ENOSPC from now on for `duration`, once it has
  /// taken `room` bytes more: the write that goes beyond them is taken in part.
  public func fill(_ path: String, for duration: Interval, after room: Int = 0) {
    let number = world.disk.number(of: path)
    world.disk.files[number].fullUntil = world.now + duration
    world.disk.files[number].room = room
  }

  /// Lets writes to the file at `path` say EAGAIN for `duration`; if it is a pipe, lets nobody read
  /// it, so that they do once it is full.
  public func stall(_ path: String, for duration: Interval) {
    let number = world.disk.number(of: path)
    world.disk.files[number].stalledUntil = world.now + duration
  }
}

/// The system calls on logs.
extension SimulatedWorld {
  func openLog(path: String, standard: Int32) -> OpenResult {
    if hasNoFreeDescriptor { return .failed(.tooManyDescriptors) }
    let name = standard == 1 ? "/dev/stdout" : standard == 2 ? "/dev/stderr" : path
    if disk.forbiddenPaths.contains(name) { return .failed(.accessDenied) }
    return .opened(openDescriptor(.log(file: disk.number(of: name))))
  }

  func writeLog(_ descriptor: Descriptor, _ lines: UnsafeRawBufferPointer) -> WriteResult {
    let number = logNumber(of: descriptor, "writeLog")
    var owed = disk.files[number].owed
    let result = owed.append(lines, limit: limit(of: number)) { append($0, to: number) }
    disk.files[number].owed = owed
    finishLog(number)
    return result
  }

  func isLogTorn(_ descriptor: Descriptor) -> Bool {
    !disk.files[logNumber(of: descriptor, "isLogTorn")].owed.isWhole
  }

  func leaveLog(_ descriptor: Descriptor, _ lines: UnsafeRawBufferPointer, limit: Int) -> Int {
    leaveLog(number: logNumber(of: descriptor, "leaveLog"), lines, limit: limit)
  }

  func leaveLog(number: Int, _ lines: UnsafeRawBufferPointer, limit: Int) -> Int {
    let taken = disk.files[number].owed.leave(lines, limit: limit)
    finishLog(number)
    return taken
  }

  /// Has what is owed to a file written soon, whoever else writes it.
  private func finishLog(_ number: Int) {
    guard !disk.files[number].isBeingFinished, !disk.files[number].owed.isEmpty else { return }
    disk.files[number].isBeingFinished = true
    schedule(after: .milliseconds(10)) { world in
      var owed = world.disk.files[number].owed
      while owed.carryOn(limit: world.limit(of: number), { world.append($0, to: number) }) {}
      world.disk.files[number].owed = owed
      world.disk.files[number].isBeingFinished = false
      world.finishLog(number)
    }
  }

  /// Bytes of whole lines that are written to a file at once.
  private func limit(of number: Int) -> Int {
    disk.files[number].pipe == nil ? .max : SimulatedPipe.atomicBytes
  }

  private func logNumber(of descriptor: Descriptor, _ call: StaticString) -> Int {
    guard case .log(let number) = kind(of: descriptor, call) else {
      preconditionFailure("\(call): descriptor \(descriptor.number) is no log")
    }
    return number
  }

  /// One write to a file.
  private func append(_ bytes: UnsafeRawBufferPointer, to number: Int) -> WriteResult {
    let result = disk.files[number].isReliable ? .bytes(bytes.count) : outcome(bytes, number)
    if case .bytes(let count) = result {
      disk.files[number].bytes.append(contentsOf: bytes.prefix(count))
    }
    return result
  }

  private func outcome(_ bytes: UnsafeRawBufferPointer, _ number: Int) -> WriteResult {
    let file = disk.files[number]
    if file.pipe != nil {
      if strikes(.stalledLogs, faults.stalledLogs) { return .wouldBlock }
      let amount = disk.files[number].pipe?.take(
        bytes.count, at: now, stalledUntil: file.stalledUntil)
      return amount.map { $0 > 0 ? .bytes($0) : .wouldBlock } ?? .wouldBlock
    }
    var amount = bytes.count
    if now < file.fullUntil {
      amount = min(amount, file.room)
      disk.files[number].room -= amount
    }
    if amount == 0 || now < disk.fullUntil || strikes(.fullDisks, faults.fullDisks) {
      return .failed(.diskFull)
    }
    if now < file.stalledUntil || strikes(.stalledLogs, faults.stalledLogs) { return .wouldBlock }
    if amount > 1, strikes(.shortLogWrites, faults.shortLogWrites) {
      amount = 1 + chance.below(amount - 1)
    }
    if file.takesLines {
      let end = bytes.prefix(amount).lastIndex(of: 0x0a)
      guard let end else { return .wouldBlock }
      amount = end + 1
    }
    return .bytes(amount)
  }
}
