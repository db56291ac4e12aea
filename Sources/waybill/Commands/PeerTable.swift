// The servers of upstreams, as all workers know them together, and as a table.

import LogReading
import Platform

/// A server of an upstream, of which each worker has told.
struct ListedPeer {
  var upstream: String
  var peer: String
  var state: String
  var why: String
  var since: String
  var until: String
  var weight: UInt64
  var isBackup: Bool
  var running: UInt64 = 0
  var tries: UInt64 = 0
  var failures: UInt64 = 0
  /// Workers of the newest configuration that have told of it, and those of them that say so.
  var workers = 0
  var affected = 0

  /// From what counts least to what counts most.
  private static let order = ["up", "checking", "failed", "unhealthy", "draining", "down"]

  /// One for each server, in the order of the configuration.
  static func merge(_ rows: [LineMembers]) -> [ListedPeer] {
    let newest = rows.compactMap { $0.number("generation") }.max() ?? 0
    var places: [[String]: Int] = [:]
    var peers: [ListedPeer] = []
    // The newest configuration first: what only older ones have comes behind.
    let sorted =
      rows.filter { $0.number("generation") == newest }
      + rows.filter { $0.number("generation") != newest }
    for row in sorted {
      let key = [row.text("upstream"), row.text("peer")]
      let place = places[key] ?? peers.count
      if place == peers.count {
        places[key] = place
        peers.append(ListedPeer(row))
      }
      peers[place].add(row, isNewest: row.number("generation") == newest)
    }
    return peers
  }

  private init(_ row: LineMembers) {
    upstream = row.text("upstream")
    peer = row.text("peer")
    state = row.text("state")
    why = row.text("why")
    since = row.text("since")
    until = row.text("until")
    weight = row.number("weight") ?? 1
    isBackup = row.contains("backup")
  }

  private mutating func add(_ row: LineMembers, isNewest: Bool) {
    running += row.number("running") ?? 0
    tries += row.number("tries") ?? 0
    failures += row.number("failures") ?? 0
    guard isNewest || workers == 0 else { return }
    let rank = { Self.order.firstIndex(of: $0) ?? 0 }
    let other = row.text("state")
    workers += 1
    if rank(other) > rank(state) {
      state = other
      why = row.text("why")
      since = row.text("since")
      until = row.text("until")
      affected = 1
    } else if other == state {
      affected += 1
      until = max(until, row.text("until"))
    }
  }

  /// The state, and how many of the workers say so if not all do.
  var stateText: String { affected == workers ? state : "\(state) \(affected)/\(workers)" }

  /// As one line of JSON.
  var line: [UInt8] {
    var line: [UInt8] = []
    func text(_ name: String, _ value: String) {
      line += "\(line.isEmpty ? "{" : ",")\"\(name)\":".utf8
      SafeText.appendJSON(Array(value.utf8), to: &line)
    }
    text("upstream", upstream)
    text("peer", peer)
    text("state", state)
    for (name, value) in [("why", why), ("since", since), ("until", until)] where !value.isEmpty {
      text(name, value)
    }
    if isBackup { line += ",\"backup\":true".utf8 }
    line += ",\"weight\":\(weight),\"running\":\(running),\"tries\":\(tries)".utf8
    line += ",\"failures\":\(failures),\"workers\":\(workers),\"affected\":\(affected)}\n".utf8
    return line
  }
}

/// The table of `waybill upstreams`.
enum PeerTable {
  /// What the columns take up at most, so that 80 are enough.
  private static let widths = [18, 22, 13, 5, 7, 6]
  private static let titles = ["UPSTREAM", "PEER", "STATE", "RUN", "TRIES", "FAILED"]

  /// The table; a sentence when there is nothing to show.
  static func render(_ peers: [ListedPeer]) -> [UInt8] {
    guard !peers.isEmpty else { return Array("no upstreams\n".utf8) }
    var text = StyledText(isColoured: TerminalOutput.isColoured)
    write(titles, .faint, into: &text)
    for peer in peers {
      let cells = [
        shown(peer.upstream), shown(peer.peer) + (peer.isBackup ? " backup" : ""), peer.stateText,
        "\(peer.running)", "\(peer.tries)", "\(peer.failures)",
      ]
      write(cells, .plain, into: &text)
      if let detail = detail(of: peer) { text.append("  \(cut(detail, 77))\n", .faint) }
    }
    return text.bytes
  }

  /// Why a server is not up, since when and until when; nil for one that is.
  private static func detail(of peer: ListedPeer) -> String? {
    guard peer.state != "up" else { return nil }
    var words: [String] = []
    if !peer.since.isEmpty { words.append("since \(clock(peer.since))") }
    if !peer.until.isEmpty { words.append("until \(clock(peer.until))") }
    let times = words.joined(separator: ", ")
    if peer.why.isEmpty { return times.isEmpty ? nil : times }
    return times.isEmpty ? shown(peer.why) : "\(times): \(shown(peer.why))"
  }

  /// The time of day of an RFC 3339 time.
  private static func clock(_ time: String) -> String {
    String(time.drop { $0 != "T" }.dropFirst().prefix(8))
  }

  private static func write(_ cells: [String], _ style: Style, into text: inout StyledText) {
    for (index, cell) in cells.enumerated() {
      if index > 0 { text.append(" ") }
      let shown = cut(cell, widths[index])
      if index >= 3 {
        text.append(right: shown, style, width: widths[index])
      } else {
        text.append(safely: shown.utf8, style, width: widths[index])
      }
    }
    text.append("\n")
  }

  private static func cut(_ text: String, _ width: Int) -> String {
    text.count <= width ? text : text.prefix(width - 1) + "…"
  }
}
