/// Something that must never be, and was.
public struct Violation: Equatable, Sendable {
  /// Who found it. Each watches over one promise.
  public enum Oracle: String, Sendable, CaseIterable {
    /// The form of log lines, and that there is one for each request.
    case lines
    /// A log's lines come to it once, whole and alone, or are counted as lost.
    case delivery
    /// One request, one ID, the same everywhere.
    case identity
    /// Responses answer their requests, in order, and the log says how.
    case responses
    /// Bytes arrive as they were sent: all of them, in order, nothing between.
    case content
    /// A backend reads the requests that clients sent, and no others.
    case requests
    /// Whoever does his part is served.
    case service
    /// Nothing is left when nothing runs.
    case rest
    /// Deadlines are kept.
    case deadlines
    /// No turn is in vain.
    case progress
  }

  /// Who found it.
  public let oracle: Oracle
  /// What was found.
  public let sentence: String

  init(_ oracle: Oracle, _ sentence: String) {
    self.oracle = oracle
    self.sentence = sentence
  }
}
