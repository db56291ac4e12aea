import Basics
import HTTP

/// When a response expires: one value of `expires`.
public enum Expiry: Equatable, Sendable, BitwiseCopyable {
  /// Nothing is said.
  case off
  /// Long ago, and nobody may keep it.
  case epoch
  /// As late as nginx can say.
  case maximum
  /// That many seconds after the response; negative for before.
  case access(Int64)
  /// That many seconds after the content was last modified.
  case modified(Int64)
  /// At the next moment in which the local time is that many seconds after midnight.
  case daily(Int64)

  /// What the fields Expires and Cache-Control say.
  public struct Moment: Equatable, Sendable, BitwiseCopyable {
    /// Expires, in seconds since 1970-01-01 UTC.
    public var expires: Int64
    /// Cache-Control: `max-age`, or `no-cache` when it is nil.
    public var maximumAge: Int64?
  }

  /// The value of `text`: `off`, `epoch`, `max`, a time with `+` or `-` before it, or `@` and a
  /// time of the day; with `isModified` a time only. Nil when it is none of these.
  public init?(_ text: Span<UInt8>, isModified: Bool = false) {
    if !isModified, let word = Expiry.named(text) {
      self = word
      return
    }
    guard !text.isEmpty else { return nil }
    let sign = text[0]
    let rest = text.extracting(1..<text.count)
    switch sign {
    case UInt8(ascii: "@"):
      guard !isModified, let seconds = SecondCount.read(rest), seconds <= 86_400 else {
        return nil
      }
      self = .daily(seconds)
    case UInt8(ascii: "+"), UInt8(ascii: "-"):
      guard let seconds = SecondCount.read(rest) else { return nil }
      let signed = sign == UInt8(ascii: "-") ? -seconds : seconds
      self = isModified ? .modified(signed) : .access(signed)
    default:
      guard let seconds = SecondCount.read(text) else { return nil }
      self = isModified ? .modified(seconds) : .access(seconds)
    }
  }

  /// What is said at `now`, seconds since 1970-01-01 UTC, of content that was last modified then,
  /// or of which that is not known; nil when nothing is. The local time is `utcOffset` seconds
  /// ahead.
  public func moment(now: Int64, utcOffset: Int64, lastModified: Int64?) -> Moment? {
    switch self {
    case .off: return nil
    case .epoch: return Moment(expires: 1, maximumAge: nil)
    case .maximum: return Moment(expires: 2_145_916_555, maximumAge: 315_360_000)
    case .access(0), .modified(0): return Moment(expires: now, maximumAge: 0)
    case .access(let seconds):
      return Moment(expires: now + seconds, maximumAge: seconds < 0 ? nil : seconds)
    case .modified(let seconds):
      let expires = (lastModified ?? now) + seconds
      let isPast = seconds < 0 || expires < now
      return Moment(expires: expires, maximumAge: isPast ? nil : expires - now)
    case .daily(let second):
      let local = now + utcOffset
      let midnight = local - (local % 86_400 + 86_400) % 86_400
      var next = midnight + second
      if next <= local { next += 86_400 }
      return Moment(expires: next - utcOffset, maximumAge: next - local)
    }
  }

  private static func named(_ text: Span<UInt8>) -> Expiry? {
    if FieldNameMatch.equalIgnoringCase(text, "off") { return .off }
    if FieldNameMatch.equalIgnoringCase(text, "max") { return .maximum }
    return FieldNameMatch.equalIgnoringCase(text, "epoch") ? .epoch : nil
  }
}

/// nginx's times in whole seconds: `90`, `1h30m`, `1d 12h`.
enum SecondCount {
  private static let units: [(name: UInt8, seconds: Int64)] = [
    (UInt8(ascii: "y"), 31_536_000), (UInt8(ascii: "M"), 2_592_000),
    (UInt8(ascii: "w"), 604_800), (UInt8(ascii: "d"), 86_400), (UInt8(ascii: "h"), 3_600),
    (UInt8(ascii: "m"), 60), (UInt8(ascii: "s"), 1),
  ]

  /// The number of seconds; nil when the text is malformed or means more than can be counted.
  static func read(_ text: Span<UInt8>) -> Int64? {
    var position = 0
    var total: Int64 = 0
    var nextUnit = 0
    guard !text.isEmpty else { return nil }
    while position < text.count {
      guard let count = number(text, &position) else { return nil }
      var factor: Int64 = 1
      if position < text.count, text[position] != UInt8(ascii: " ") {
        guard let unit = unit(text[position]), unit >= nextUnit else { return nil }
        factor = units[unit].seconds
        nextUnit = unit + 1
        position += 1
      } else {
        nextUnit = units.count
      }
      while position < text.count, text[position] == UInt8(ascii: " ") { position += 1 }
      let (part, isTooLarge) = count.multipliedReportingOverflow(by: factor)
      let (sum, overflows) = total.addingReportingOverflow(part)
      guard !isTooLarge, !overflows, sum <= longest else { return nil }
      guard nextUnit < units.count || position == text.count else { return nil }
      total = sum
    }
    return total
  }

  private static func unit(_ byte: UInt8) -> Int? { units.firstIndex { $0.name == byte } }

  /// Far beyond all years with four digits, and no sum with it overflows.
  private static let longest: Int64 = 1 << 60

  /// A number of at most eighteen digits.
  private static func number(_ text: Span<UInt8>, _ position: inout Int) -> Int64? {
    let first = position
    var value: Int64 = 0
    while position < text.count, text[position] >= 0x30, text[position] <= 0x39 {
      guard position - first < 18 else { return nil }
      value = value * 10 + Int64(text[position] - 0x30)
      position += 1
    }
    return position > first ? value : nil
  }
}
