/// Shares of a whole as percentages with two decimals.
///
/// They are rounded, but nothing that is there is 0 and nothing but the whole is 100. Those of all
/// parts add up to 100.
public enum Shares {
  private static var whole: UInt64 { 10_000 }

  /// The share of one part.
  public static func percent(_ part: UInt64, of whole: UInt64) -> String {
    guard whole > 0 else { return "0 %" }
    return text(percents(of: [part, whole - part])[0])
  }

  /// The shares of all parts.
  public static func percents(_ parts: [UInt64]) -> [String] { percents(of: parts).map(text) }

  /// In hundredths of a percent, by the method of the largest remainder.
  private static func percents(of parts: [UInt64]) -> [UInt64] {
    let sum = parts.reduce(0, +)
    guard sum > 0 else { return parts.map { _ in 0 } }
    let divided = parts.map { sum.dividingFullWidth($0.multipliedFullWidth(by: whole)) }
    var shares = divided.map(\.quotient)
    let missing = whole - shares.reduce(0, +)
    let byRemainder = parts.indices.sorted { divided[$0].remainder > divided[$1].remainder }
    for index in byRemainder.prefix(Int(missing)) { shares[index] += 1 }
    for index in parts.indices where parts[index] > 0 && shares[index] == 0 {
      let largest = parts.indices.max { shares[$0] < shares[$1] } ?? index
      shares[index] = 1
      shares[largest] -= 1
    }
    return shares
  }

  private static func text(_ hundredths: UInt64) -> String {
    TimeText.number(hundredths, per: 100, decimals: 2) + " %"
  }
}
