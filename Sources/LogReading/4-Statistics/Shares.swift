/// Shares of a whole as percentages with two decimals, each rounded on its own.
public enum Shares {
  /// The share of one part, half a hundredth rounded up.
  public static func percent(_ part: UInt64, of whole: UInt64) -> String {
    guard whole > 0 else { return "0 %" }
    // A part of the whole: the quotient is 10,000 at most.
    let (quotient, remainder) = whole.dividingFullWidth(part.multipliedFullWidth(by: 10_000))
    let isUp = remainder >= whole - remainder
    return TimeText.number(quotient + (isUp ? 1 : 0), per: 100, decimals: 2) + " %"
  }
}
