import Basics
import HTTP
import Policy

/// Which entries are wanted: those that meet every condition that was set.
public struct EntryFilter: Sendable {
  /// Whole, or the first 8 characters at least; the client's and the backend's count as well.
  public var id = WantedID([])
  /// Any of these.
  public var statuses: [ClosedRange<UInt16>] = []
  /// In capitals.
  public var method: [UInt8] = []
  /// In small letters, with or without the port.
  public var host: [UInt8] = []
  /// For the URI without its query.
  public var path: Glob?
  /// The client must be in it; ports do not matter.
  public var client: Network?
  /// Microseconds.
  public var minimumDuration: UInt64 = 0
  /// `any` for every error.
  public var error: [UInt8] = []
  /// Microseconds since 1970.
  public var since: UInt64 = 0
  /// See `since`.
  public var until = UInt64.max

  /// Everything is wanted.
  public init() {}

  /// Whether the entry meets the conditions. `time` reads its time stamp, if a condition asks.
  public func accepts(
    _ entry: AccessEntry, _ line: Span<UInt8>, _ time: borrowing LogTime
  ) -> Bool {
    acceptsNumbers(entry) && acceptsTexts(entry, line) && acceptsTime(entry, line, time)
  }

  private func acceptsNumbers(_ entry: AccessEntry) -> Bool {
    if !statuses.isEmpty, !statuses.contains(where: { $0.contains(entry.status) }) { return false }
    guard minimumDuration > 0 else { return true }
    return entry.duration != AccessEntry.unknownTime && entry.duration >= minimumDuration
  }

  private func acceptsTexts(_ entry: AccessEntry, _ line: Span<UInt8>) -> Bool {
    if !id.isEmpty, !acceptsID(entry, line) { return false }
    if !method.isEmpty, !isEqual(line, entry.method, method) { return false }
    if !host.isEmpty, !acceptsHost(line, entry.host) { return false }
    if !error.isEmpty {
      let isAny = error == Array("any".utf8)
      guard isAny ? !entry.error.isEmpty : isEqual(line, entry.error, error) else { return false }
    }
    if let path {
      let uri = line.extracting(entry.uri.offsets)
      let end = uri.index(of: UInt8(ascii: "?"), from: 0)
      if !path.matches(uri.extracting(0..<end)) { return false }
    }
    if let client {
      let address = PeerAddress(parsing: line.extracting(entry.client.offsets))
      guard let address, client.contains(address) else { return false }
    }
    return true
  }

  private func acceptsID(_ entry: AccessEntry, _ line: Span<UInt8>) -> Bool {
    id.isOrBegins(line.extracting(entry.requestID.offsets))
      || id.isOrBegins(line.extracting(entry.clientRequestID.offsets))
      || id.isOrBegins(line.extracting(entry.upstreamRequestID.offsets))
  }

  /// Host names have no case. A port that was not asked for does not matter.
  private func acceptsHost(_ line: Span<UInt8>, _ range: ByteRange) -> Bool {
    let count = Int(range.count)
    guard count >= host.count else { return false }
    for index in host.indices {
      let byte = line[Int(range.start) + index]
      let isCapital = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
      guard (isCapital ? byte | 0x20 : byte) == host[index] else { return false }
    }
    return count == host.count || line[Int(range.start) + host.count] == UInt8(ascii: ":")
  }

  private func acceptsTime(
    _ entry: AccessEntry, _ line: Span<UInt8>, _ time: borrowing LogTime
  ) -> Bool {
    guard since > 0 || until < .max else { return true }
    guard !entry.time.isEmpty, let moment = time.read(line, at: Int(entry.time.start)) else {
      return false
    }
    return moment >= since && moment <= until
  }

  private func isEqual(_ line: Span<UInt8>, _ range: ByteRange, _ text: [UInt8]) -> Bool {
    guard Int(range.count) == text.count else { return false }
    for index in text.indices where line[Int(range.start) + index] != text[index] { return false }
    return true
  }
}
