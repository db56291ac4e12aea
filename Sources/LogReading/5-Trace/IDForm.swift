import Basics

/// An ID and the other ways in which programs write the same one.
public struct IDForm: Equatable, Sendable {
  /// What is the same in all of them: of a UUID its digits in small letters, of another ID itself.
  public let key: [UInt8]
  /// The digits of a UUID or of its beginning, 8 at least; nil of other IDs.
  let digits: [UInt8]?

  /// A UUID that was cut to 32 characters, dashes included, has so many digits left.
  static let cutDigits = 28
  private static let allDigits = 32
  private static let leastDigits = 8

  /// The form of `id` as it is written.
  public init(_ id: [UInt8]) {
    digits = IDForm.digits(of: id)
    key = digits ?? id
  }

  /// True when all digits of a UUID are there.
  var isWhole: Bool { digits?.count == IDForm.allDigits }

  /// True of a UUID that was cut to 32 characters.
  public var isCut: Bool { digits?.count == IDForm.cutDigits }

  /// True when the other one is this, or this cut to 32 characters.
  public func includes(_ other: IDForm) -> Bool {
    if key == other.key { return true }
    guard isWhole, other.digits?.count == IDForm.cutDigits else { return false }
    return key.starts(with: other.key)
  }

  /// The IDs among `ids` that are not the same, each in the spelling that sorts first. A UUID that
  /// was cut to 32 characters is the whole one, where that is there, too.
  public static func distinct(_ ids: [[UInt8]]) -> [[UInt8]] {
    var spellings: [[UInt8]: [UInt8]] = [:]
    for id in ids {
      let key = IDForm(id).key
      if let seen = spellings[key], seen.lexicographicallyPrecedes(id) { continue }
      spellings[key] = id
    }
    let cut = spellings.values.filter { IDForm($0).isCut }
    for id in spellings.values where IDForm(id).isWhole {
      for part in cut where IDForm(id).includes(IDForm(part)) { spellings[IDForm(part).key] = nil }
    }
    return Array(spellings.values)
  }

  /// Whether a dash stands before the digit of that number, counted from 0.
  static func isDashPlace(_ digit: Int) -> Bool {
    digit == 8 || digit == 12 || digit == 16 || digit == 20
  }

  private static func digits(of id: [UInt8]) -> [UInt8]? {
    var digits: [UInt8] = []
    var dashes = 0
    for byte in id {
      if byte == UInt8(ascii: "-") {
        guard isDashPlace(digits.count) else { return nil }
        dashes += 1
      } else {
        guard SpelledByte.hexadecimal(byte) != nil else { return nil }
        digits.append(byte | 0x20)
      }
    }
    // With dashes all of them that the digits need, each once.
    let needed = [8, 12, 16, 20].count { $0 < digits.count }
    let isEven = dashes == 0 || dashes == needed || (dashes == needed + 1 && id.last == 0x2D)
    guard digits.count >= leastDigits, digits.count <= allDigits, isEven else { return nil }
    return digits
  }
}
