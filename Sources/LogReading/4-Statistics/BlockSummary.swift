import Basics

/// What the lines of one block say, as numbers: made by any thread. `LogStatistics` adds the blocks
/// up in the order of the log, so that the result does not depend on the number of threads.
public struct BlockSummary: Sendable {
  /// One request, or one end of a tunnel.
  struct Record: BitwiseCopyable {
    /// Microseconds; `AccessEntry.unknownTime` when the line does not say it.
    var duration: UInt64
    /// When it ended, since 1970; 0 when that is not known.
    var seconds: UInt32
    var status: UInt16
    var isFailed: Bool
    var isTunnel: Bool
    var isReference: Bool

    var isFound: Bool { status < 400 || status >= 499 }
  }

  private(set) var records: [Record] = []
  /// For each record the numbers of its names, one for each grouping.
  private(set) var keys: [UInt32] = []
  /// The names for each grouping.
  private(set) var names: [NameTable]
  /// Lines of no known format.
  public var foreign: UInt64 = 0
  /// Tunnels opened.
  private(set) var opened: UInt64 = 0
  private(set) var slow: [NotableRequest] = []
  private(set) var failures: [NotableRequest] = []
  private let plan: StatisticsPlan
  private var clock = SecondsReader()
  private var name: [UInt8] = []

  /// A block of which no line has been read.
  public init(_ plan: StatisticsPlan) {
    self.plan = plan
    names = plan.groupings.map { _ in NameTable() }
  }

  /// Counts the request of a line.
  public mutating func add(
    _ entry: AccessEntry, _ line: Span<UInt8>, _ time: borrowing LogTime
  ) {
    guard !entry.isEvent else {
      if !entry.isSubrequest, !isInReference(entry, line, time) { opened &+= 1 }
      return
    }
    let record = Record(
      duration: entry.duration, seconds: clock.seconds(entry, line, time), status: entry.status,
      isFailed: entry.status >= 499 || !entry.error.isEmpty, isTunnel: entry.isTunnel(line),
      isReference: isInReference(entry, line, time))
    records.append(record)
    for (index, grouping) in plan.groupings.enumerated() {
      grouping.write(entry, line, into: &name)
      keys.append(UInt32(truncatingIfNeeded: names[index].number(of: name)))
    }
    guard !record.isReference else { return }
    note(record, entry, line)
  }

  private func isInReference(
    _ entry: AccessEntry, _ line: Span<UInt8>, _ time: borrowing LogTime
  ) -> Bool {
    guard let period = plan.reference, !entry.time.isEmpty else { return false }
    return time.read(line, at: Int(entry.time.start)).map(period.contains) ?? false
  }

  private mutating func note(_ record: Record, _ entry: AccessEntry, _ line: Span<UInt8>) {
    if record.isFailed, failures.count < LogStatistics.mostNotable {
      failures.append(NotableRequest(entry, line))
    }
    guard !record.isTunnel, record.duration != AccessEntry.unknownTime,
      slow.count < LogStatistics.mostNotable || record.duration > slow[slow.count - 1].duration
    else { return }
    NotableRequest(entry, line).insert(into: &slow)
  }
}

/// A request worth looking at.
public struct NotableRequest: Sendable {
  /// Its ID; in it, as in all texts here, the escapes of JSON are undone.
  public var id: [UInt8]
  /// Its method.
  public var method: [UInt8]
  /// Its target.
  public var uri: [UInt8]
  /// Its status.
  public var status: UInt16
  /// Microseconds; `AccessEntry.unknownTime` when the line does not say it.
  public var duration: UInt64
  /// Why it failed; often empty.
  public var error: [UInt8]

  fileprivate init(_ entry: AccessEntry, _ line: Span<UInt8>) {
    id = entry.text(entry.requestID, line)
    method = entry.text(entry.method, line)
    uri = entry.text(entry.uri, line)
    status = entry.status
    duration = entry.duration
    error = entry.text(entry.error, line)
  }

  /// Puts it into its place among the slowest requests, the slowest first; of equals, the one that
  /// was read first.
  func insert(into slow: inout [NotableRequest]) {
    let place = slow.firstIndex { $0.duration < duration } ?? slow.count
    slow.insert(self, at: place)
    if slow.count > LogStatistics.mostNotable { slow.removeLast() }
  }
}

extension AccessEntry {
  /// True for the end of a tunnel: its duration is no measure of how fast anybody is. Over HTTP/2
  /// its status is 200.
  func isTunnel(_ line: Span<UInt8>) -> Bool {
    if status == 101 { return true }
    return status / 100 == 2 && line.extracting(method.offsets).equals("CONNECT")
  }
}
