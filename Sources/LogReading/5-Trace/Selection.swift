import Basics

/// Which of the lines that a text is in are about the request of that ID. A short text, a word, a
/// date or an address stands in the lines of many requests without being the ID of any.
public enum Selection: Sendable {
  /// These are.
  case lines([FoundLine])
  /// These are: they say that it is an ID. The others, of which there are so many, hold it by
  /// chance, for all that is known.
  case sure([FoundLine], others: Int)
  /// Nobody knows: it is in the lines of so many requests with other IDs, and of none with this.
  case unclear(otherRequests: Int)

  /// Lines that a text may be in before it is taken for a word.
  private static var mostLinesOfWord: Int { 20 }
  /// Fewer characters may be anything.
  private static var shortestID: Int { 8 }

  /// Chooses from `lines`, which hold `id`.
  public init(_ lines: [FoundLine], about id: [UInt8]) {
    let search = LineSearch(id: id)
    let owners = lines.map { $0.owner(id, search) }
    let strangers = Set(zip(lines, owners).compactMap { $1 == .another ? $0.ownID : nil }).count
    let hasOwner = owners.contains(.it)
    let isWord = Selection.isWord(id)
    if isWord, lines.count > Selection.mostLinesOfWord || (hasOwner && strangers > 0) {
      let sure = zip(lines, owners).filter { line, owner in
        owner == .it || (owner == .unknown && line.isNamed)
      }.map(\.0)
      self =
        sure.isEmpty
        ? .unclear(otherRequests: strangers) : .sure(sure, others: lines.count - sure.count)
    } else if !hasOwner, strangers > 1 {
      self = .unclear(otherRequests: strangers)
    } else {
      self = .lines(lines)
    }
  }

  /// What hardly any ID looks like: it is short, or has no digit, or consists of digits and signs,
  /// as dates, times, addresses and versions do.
  static func isWord(_ id: [UInt8]) -> Bool {
    func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 <= 9 }
    if id.count < shortestID || !id.contains(where: isDigit) { return true }
    if id.starts(with: "HTTP/".utf8) { return true }
    let letters = id.filter { SpelledByte.isWord($0) && !isDigit($0) }
    let hasSigns = id.contains { !SpelledByte.isWord($0) }
    // An RFC 3339 date has a T and a Z besides.
    return hasSigns && letters.allSatisfy { $0 == UInt8(ascii: "T") || $0 == UInt8(ascii: "Z") }
  }
}

extension FoundLine {
  /// Whose access line it is.
  fileprivate enum Owner: Equatable { case it, another, unknown }

  fileprivate func owner(_ id: [UInt8], _ search: LineSearch) -> Owner {
    let ids = ids
    if ids.isEmpty { return .unknown }
    // A few characters may well end another ID.
    let isIt = ids.contains { $0 == id || (id.count >= 8 && search.isIn($0)) }
    return isIt ? .it : .another
  }

  fileprivate var ownID: [UInt8]? { ids.first }

  /// The IDs of the request whose access line it is.
  private var ids: [[UInt8]] {
    guard let entry, entry.status != 0 else { return [] }
    return [entry.requestID, entry.clientRequestID, entry.upstreamRequestID]
      .filter { !$0.isEmpty }.map { Array(text[$0.offsets]) }
  }
}
