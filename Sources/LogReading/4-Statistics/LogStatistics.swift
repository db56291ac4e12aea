import Basics

/// What requests are grouped by.
public enum Grouping: String, Sendable, CaseIterable {
  case host
  /// The path's first segment.
  case path
  case upstream
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
}

/// Sums over access lines. Each thread fills one of its own; then they are merged.
public struct LogStatistics: Sendable {
  /// The slowest and the failed requests that are named.
  public static var mostNotable: Int { 10 }

  /// Requests counted.
  public private(set) var requests: UInt64 = 0
  /// Those with status 499 and above, or an error.
  public private(set) var failed: UInt64 = 0
  /// Lines of no known format.
  public var foreign: UInt64 = 0
  /// Requests by the first digit of the status; at 0 those without a status.
  public private(set) var classes = [UInt64](repeating: 0, count: 10)
  /// All durations.
  public private(set) var durations = DurationHistogram()
  /// By host, path or upstream; nil when not asked for.
  public private(set) var groups: GroupTable?
  private let grouping: Grouping?
  private var slow: [NotableRequest] = []
  /// Failed requests, those read first.
  public private(set) var failures: [NotableRequest] = []

  /// Nothing counted yet.
  public init(grouping: Grouping?) {
    self.grouping = grouping
    groups = grouping.map { _ in GroupTable() }
  }

  /// The slowest requests, the slowest of all first.
  public var slowest: [NotableRequest] { slow.sorted { $0.duration > $1.duration } }

  /// Counts the request of a line.
  public mutating func add(_ entry: AccessEntry, _ line: Span<UInt8>) {
    guard !entry.isEvent else { return }
    let isFailed = entry.status >= 499 || !entry.error.isEmpty
    let duration = entry.duration == AccessEntry.unknownTime ? 0 : entry.duration
    requests &+= 1
    if isFailed { failed &+= 1 }
    classes[min(9, Int(entry.status) / 100)] &+= 1
    if entry.duration != AccessEntry.unknownTime { durations.add(duration) }
    if groups != nil {
      let name = groupName(entry, line)
      let known = entry.duration == AccessEntry.unknownTime ? nil : duration
      if entry.hasEscape(name, line) {
        let text = entry.text(ByteRange(name), line)
        groups!.add(text.span, failed: isFailed, microseconds: known)
      } else {
        groups!.add(line.extracting(name), failed: isFailed, microseconds: known)
      }
    }
    let isSlow = slow.count < LogStatistics.mostNotable || duration > slow[0].duration
    if entry.duration != AccessEntry.unknownTime, isSlow { noteSlow(entry, line) }
    if isFailed, failures.count < LogStatistics.mostNotable {
      failures.append(NotableRequest(entry, line))
    }
  }

  /// Adds what another thread has counted in a later part of the same logs.
  public mutating func merge(_ other: LogStatistics) {
    requests &+= other.requests
    failed &+= other.failed
    foreign &+= other.foreign
    for index in classes.indices { classes[index] &+= other.classes[index] }
    durations.merge(other.durations)
    if let table = other.groups { groups?.merge(table) }
    let both = (slow + other.slow).sorted { $0.duration < $1.duration }
    slow = Array(both.suffix(LogStatistics.mostNotable))
    failures = Array((failures + other.failures).prefix(LogStatistics.mostNotable))
  }

  /// Keeps `slow` sorted, the fastest of them first: it is the one to be replaced.
  private mutating func noteSlow(_ entry: AccessEntry, _ line: Span<UInt8>) {
    if slow.count == LogStatistics.mostNotable { slow.removeFirst() }
    let request = NotableRequest(entry, line)
    let place = slow.firstIndex { $0.duration > request.duration } ?? slow.count
    slow.insert(request, at: place)
  }

  private func groupName(_ entry: AccessEntry, _ line: Span<UInt8>) -> Range<Int> {
    switch grouping {
    case .host: return entry.host.offsets
    case .upstream: return entry.upstream.offsets
    case .path, nil:
      let uri = entry.uri.offsets
      // The first slash may be escaped itself.
      let isEscaped = entry.escape == .json && line.has("\\/", at: uri.lowerBound)
      var end = uri.lowerBound + (isEscaped ? 2 : 1)
      while end < uri.upperBound, line[end] != UInt8(ascii: "/"), line[end] != UInt8(ascii: "?") {
        end += 1
      }
      let isNextEscaped = entry.escape == .json && end < uri.upperBound
      if isNextEscaped, line.has("\\/", at: end - 1) { end -= 1 }
      return uri.lowerBound..<max(uri.lowerBound, min(end, uri.upperBound))
    }
  }
}

extension NotableRequest {
  fileprivate init(_ entry: AccessEntry, _ line: Span<UInt8>) {
    self.init(
      id: entry.text(entry.requestID, line), method: entry.text(entry.method, line),
      uri: entry.text(entry.uri, line), status: entry.status, duration: entry.duration,
      error: entry.text(entry.error, line))
  }
}
