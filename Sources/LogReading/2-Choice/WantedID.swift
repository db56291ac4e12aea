import Basics

/// An ID that entries are chosen by. A field is meant when it holds the ID in any spelling, or
/// begins with it: escaped or, if it is a UUID, in capitals, without dashes, or cut to 32
/// characters.
public struct WantedID: Sendable {
  /// The shortest beginning that is taken for the ID, unless told otherwise.
  public static var shortestBeginning: Int { 8 }

  private let id: [UInt8]
  private let form: IDForm
  private let shortestBeginning: Int

  /// `id` as it was typed. Of others it may be the first `shortestBeginning` characters or more.
  public init(_ id: [UInt8], shortestBeginning: Int = WantedID.shortestBeginning) {
    self.id = id
    self.shortestBeginning = shortestBeginning
    form = IDForm(id)
  }

  /// True when there is nothing to be looked for.
  public var isEmpty: Bool { id.isEmpty }

  /// True when the field holds the ID, or a longer one that begins so.
  public func isOrBegins(_ field: Span<UInt8>) -> Bool {
    if let digits = form.digits { return isOrBegins(field, digits) }
    var position = 0
    for byte in id {
      guard position < field.count else { return false }
      if field[position] == byte {
        position &+= 1
        continue
      }
      let next = SpelledByte(field, at: position)
      guard next.byte == byte else { return false }
      position &+= next.count
    }
    return position == field.count || id.count >= shortestBeginning
  }

  private func isOrBegins(_ field: Span<UInt8>, _ digits: [UInt8]) -> Bool {
    var position = 0
    for (number, digit) in digits.enumerated() {
      if IDForm.isDashPlace(number), position < field.count {
        let next = SpelledByte(field, at: position)
        if next.byte == UInt8(ascii: "-") { position &+= next.count }
      }
      // A UUID that was cut to 32 characters is the one that it begins.
      guard position < field.count else { return form.isWhole && number == IDForm.cutDigits }
      guard field[position] | 0x20 == digit else { return false }
      position &+= 1
    }
    return position == field.count || digits.count >= shortestBeginning
  }
}

extension LineMembers {
  /// True when one of the IDs of a request that a line tells of is the wanted one.
  public func isMeant(by wanted: WantedID) -> Bool {
    ["request_id", "client_request_id", "upstream_request_id"].contains {
      wanted.isOrBegins(bytes($0).span)
    }
  }
}
