import Basics
import Telemetry

/// How fast responses are sent; both may hold variables.
public struct PacePlan: Sendable, BitwiseCopyable {
  /// `limit_rate`: bytes a second; empty for no limit.
  public var rate = Template(parts: .empty)
  /// `limit_rate_after`: bytes before that; empty for none.
  public var after = Template(parts: .empty)

  /// As fast as they go.
  public init() {}
}
