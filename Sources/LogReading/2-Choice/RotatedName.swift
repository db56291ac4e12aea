/// The names that log rotation gives: `access.log.1`, `access.log.2.gz`, `access.log-20261122.gz`.
public struct RotatedName: Comparable, Sendable {
  /// The log's own path.
  public let base: String
  /// Digits, and dashes in dates; empty of the present log.
  private let suffix: String

  /// What compression adds.
  private static let packedEndings = [".gz", ".xz", ".zst", ".bz2"]

  /// Takes a path apart.
  public init(_ path: String) {
    let ending = RotatedName.packedEndings.first { path.hasSuffix($0) } ?? ""
    let unpacked = String(path.dropLast(ending.count))
    let mark = unpacked.lastIndex { $0 == "." || $0 == "/" } ?? unpacked.startIndex
    if let (base, suffix) = RotatedName.split(unpacked, at: mark) {
      (self.base, self.suffix) = (base, suffix)
    } else if let dash = unpacked.lastIndex(of: "-"),
      let (base, suffix) = RotatedName.split(unpacked, at: dash)
    {
      (self.base, self.suffix) = (base, suffix)
    } else {
      (base, suffix) = (unpacked, "")
    }
  }

  /// True when rotation has put the log aside.
  public var isRotated: Bool { !suffix.isEmpty }

  /// Older files of one log come first: the higher number, the earlier date, the present log last.
  public static func < (one: RotatedName, other: RotatedName) -> Bool {
    guard one.base == other.base else { return one.base < other.base }
    guard one.isRotated, other.isRotated else { return one.isRotated && !other.isRotated }
    if let number = one.number, let otherNumber = other.number { return number > otherNumber }
    return one.suffix < other.suffix
  }

  /// Orders paths so that each log is read from its oldest file to its newest; logs keep the order
  /// in which they were named.
  public static func ordered(_ paths: [String]) -> [String] {
    let names = paths.map { (path: $0, name: RotatedName($0)) }
    var bases: [String] = []
    for name in names.map(\.name.base) where !bases.contains(name) { bases.append(name) }
    return bases.flatMap { base in
      names.filter { $0.name.base == base }.sorted { $0.name < $1.name }.map(\.path)
    }
  }

  /// A count of rotations; a date is longer.
  private var number: Int? { suffix.count <= 4 ? Int(suffix) : nil }

  private static func split(_ path: String, at mark: String.Index) -> (String, String)? {
    let suffix = path[mark...].dropFirst()
    guard mark > path.startIndex, path[mark] != "/", suffix.first?.isNumber ?? false,
      suffix.allSatisfy({ $0.isNumber || $0 == "-" || $0 == "_" })
    else { return nil }
    return (String(path[..<mark]), String(suffix))
  }
}
