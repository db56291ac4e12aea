import Basics

/// What requests are grouped by.
public enum Grouping: String, Sendable, CaseIterable {
  case host
  /// The path without the query, folded by `PathFolding` and by how many differ.
  case path
  /// The upstream's name where the format has it (`$proxy_host`), else as `peer`.
  case upstream
  /// The address of the last server tried.
  case peer
  case status
  /// The client's address without its port.
  case client
  case method
  /// A member of that name, which formats of one's own may have.
  case location
  case error
  case termination
}

extension Grouping {
  /// Writes the name of the group that an entry belongs to; empty when its line does not say it.
  func write(_ entry: AccessEntry, _ line: Span<UInt8>, into name: inout [UInt8]) {
    name.removeAll(keepingCapacity: true)
    switch self {
    case .path: PathFolding.append(entry, line, to: &name)
    case .status:
      guard entry.status != 0 else { return }
      name += String(entry.status).utf8
    case .client: copy(entry, line, Grouping.address(entry.client.offsets, line), to: &name)
    case .host: copy(entry, line, entry.host.offsets, to: &name)
    case .peer: copy(entry, line, entry.upstream.offsets, to: &name)
    case .upstream:
      let own = entry.proxyHost.isEmpty ? entry.upstream : entry.proxyHost
      copy(entry, line, own.offsets, to: &name)
    case .method: copy(entry, line, entry.method.offsets, to: &name)
    case .location: copy(entry, line, entry.location.offsets, to: &name)
    case .error: copy(entry, line, entry.error.offsets, to: &name)
    case .termination: copy(entry, line, entry.termination.offsets, to: &name)
    }
  }

  /// Longer names are cut.
  private static var longestName: Int { 256 }

  private func copy(
    _ entry: AccessEntry, _ line: Span<UInt8>, _ range: Range<Int>, to name: inout [UInt8]
  ) {
    if entry.hasEscape(range, line) {
      name += entry.text(ByteRange(range), line).prefix(Grouping.longestName)
      return
    }
    for place in range.prefix(Grouping.longestName) { name.append(line[place]) }
  }

  /// `10.0.0.1` of `10.0.0.1:5000` and `::1` of `[::1]:5000`; an IPv6 address alone stays.
  private static func address(_ range: Range<Int>, _ line: Span<UInt8>) -> Range<Int> {
    guard let first = range.first else { return range }
    if line[first] == UInt8(ascii: "[") {
      let end = line.index(of: UInt8(ascii: "]"), from: first)
      return end < range.upperBound ? (first + 1)..<end : range
    }
    var colon: Int?
    for place in range where line[place] == UInt8(ascii: ":") {
      if colon != nil { return range }
      colon = place
    }
    // A Unix socket's has nothing behind it.
    guard let colon, colon + 1 < range.upperBound else { return range }
    return first..<colon
  }
}
