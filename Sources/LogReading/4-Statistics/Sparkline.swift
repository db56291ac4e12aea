/// A row of bars, one for each number, as high as it is beside the largest.
public enum Sparkline {
  private static var bars: [Character] { ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] }

  /// The bars; a space for nothing.
  public static func text(_ values: [UInt64]) -> String {
    let largest = values.max() ?? 0
    return String(
      values.map { value in
        guard value > 0 else { return " " }
        let height = Double(value) / Double(largest) * Double(bars.count)
        return bars[min(bars.count - 1, max(0, Int(height.rounded(.up)) - 1))]
      })
  }
}
