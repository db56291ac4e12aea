/// Something that is counted or measured, as Prometheus calls it: a name, and one number or
/// histogram for each combination of labels.
public struct MetricFamily: Sendable {
  /// How its numbers behave.
  public enum Kind: Sendable {
    /// It only grows, and begins at zero when the process does.
    case counter
    /// It goes up and down.
    case gauge
    /// How many measurements were how large.
    case histogram
  }

  /// Its name, without the `_total` that samples of counters have.
  public let name: StaticString
  /// How its numbers behave.
  public let kind: Kind
  /// What it is counted in, which its name ends with; empty for mere numbers.
  public let unit: StaticString
  /// What it says.
  public let help: StaticString

  init(_ name: StaticString, _ kind: Kind, unit: StaticString = "", _ help: StaticString) {
    self.name = name
    self.kind = kind
    self.unit = unit
    self.help = help
  }

  /// The name that its samples have: that of a counter ends with `_total`.
  public var sampleName: String { "\(name)" + (kind == .counter ? "_total" : "") }
}
