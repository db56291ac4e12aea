/// Shares of a whole as percentages with two decimals, each rounded on its own.
public enum Shares {
  /// The share of one part, half a hundredth rounded up; but what is not nothing is never 0 %, and
  /// what is not all never 100 %.
  public static func percent(_ part: UInt64, of whole: UInt64) -> String {
    guard whole > 0 else { return "0 %" }
    // A part of the whole: the quotient is 10,000 at most.
    let (quotient, remainder) = whole.dividingFullWidth(part.multipliedFullWidth(by: 10_000))
    let isUp = remainder >= whole - remainder
    let rounded = quotient + (isUp ? 1 : 0)
    if rounded == 0, part > 0 { return "<0.01 %" }
    if rounded == 10_000, part < whole { return ">99.99 %" }
    return TimeText.number(rounded, per: 100, decimals: 2) + " %"
  }
}
