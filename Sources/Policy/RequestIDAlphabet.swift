import Basics

/// What an ID that comes from outside may be made of, and what is wrong with one that is refused.
enum RequestIDAlphabet {
  /// `+ - . / 0-9 :` and `=`: a bit for each allowed byte below 64.
  private static let low: UInt64 = 0x27FF_E800_0000_0000
  /// `@ A-Z _ a-z ~`: a bit for each allowed byte from 64 to 127.
  private static let high: UInt64 = 0x47FF_FFFE_87FF_FFFF

  /// True for `A-Z a-z 0-9 - _ . : + / = @ ~`: nothing that a header, a shell, JSON, HTML or a log
  /// line would have to quote.
  @inline(__always) static func contains(_ byte: UInt8) -> Bool {
    let half = byte & 0x40 == 0 ? low : high
    return byte < 0x80 && half &>> UInt64(byte & 0x3F) & 1 == 1
  }

  /// What a value is as an ID of at most `maximumLength` characters.
  static func judge(_ value: Span<UInt8>, maximumLength: Int) -> RequestIDVerdict {
    guard value.count <= maximumLength else { return refusal(of: value) }
    for index in value.indices where !contains(value[index]) { return refusal(of: value) }
    return .valid
  }

  /// The comma is no character of an ID, so a value of IDs and commas is a list of them; with any
  /// other forbidden character it is nothing at all.
  private static func refusal(of value: Span<UInt8>) -> RequestIDVerdict {
    var hasComma = false
    for index in value.indices where !contains(value[index]) {
      switch value[index] {
      case UInt8(ascii: ","): hasComma = true
      case UInt8(ascii: " "), UInt8(ascii: "\t"): continue
      default: return .malformed
      }
    }
    return hasComma ? .list : .malformed
  }
}

extension RequestIDPolicy {
  /// True for what may be a request ID: one to `maximumLength` characters of the alphabet.
  public static func isValid(_ value: Span<UInt8>, maximumLength: Int) -> Bool {
    guard !value.isEmpty, case .valid = RequestIDAlphabet.judge(value, maximumLength: maximumLength)
    else { return false }
    return true
  }
}

/// What a field value is as a request ID.
enum RequestIDVerdict {
  /// It can be kept.
  case valid
  /// It is empty, too long or holds a forbidden character.
  case malformed
  /// It is a list: several proxies or a merging of field lines have been at work.
  case list
}
