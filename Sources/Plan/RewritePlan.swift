import Basics
import Policy
import Telemetry

/// A step of what `rewrite`, `return`, `set`, `break` and `if` of one block come to. Steps are
/// executed one behind the other; `next` of a test leads over the block of its `if`.
public struct RewriteStep: Sendable, BitwiseCopyable {
  /// What is done.
  public enum Action: UInt8, Sendable, BitwiseCopyable {
    /// `set`: the variable in `slot` becomes `text`.
    case assign
    /// `set $args`: the query becomes `text`.
    case assignQuery
    /// `rewrite`
    case rewrite
    /// `break`
    case stop
    /// `return`
    case answer
    /// `if`: goes on at `next` when `test` fails.
    case test
    /// The block of an `if` that holds: `location` serves the request from now on.
    case enter
  }

  /// The condition of an `if`.
  public enum Test: UInt8, Sendable, BitwiseCopyable {
    /// `subject` is neither empty nor `0`.
    case holds
    /// `subject` is `text`.
    case equals
    /// `expression` matches `subject`.
    case matches
    /// `subject` is the path of a regular file.
    case file
    /// It is that of a folder.
    case folder
    /// It is that of either.
    case exists
    /// It is that of something that its owner may execute.
    case executable
  }

  /// What a `rewrite` that matches leads to.
  public enum Ending: UInt8, Sendable, BitwiseCopyable {
    /// The next step; the location is looked for anew behind the last one.
    case nextStep
    /// `last`: the location is looked for anew.
    case newLocation
    /// `break`: the request stays where it is.
    case sameLocation
    /// The client is sent to the URL that `text` makes, with `status`.
    case redirect
  }

  /// What is done.
  public var action: Action
  /// `if`
  public var test = Test.holds
  /// `if`: the test must fail.
  public var isNegated = false
  /// `rewrite`
  public var ending = Ending.nextStep
  /// `rewrite`: the query that the request has goes on, behind that of the replacement.
  public var keepsQuery = true
  /// `rewrite`: the replacement has a query, `query`.
  public var hasQuery = false
  /// `return` and redirects: the status.
  public var status: UInt16 = 0
  /// `set`: the variable's slot.
  public var slot = 0
  /// Index into `expressions`.
  public var expression = -1
  /// Index of the step behind the block of an `if`.
  public var next = 0
  /// Index into `locations`.
  public var location = -1
  /// What an `if` looks at.
  public var subject = Template(parts: .empty)
  /// A value, a path, a text or a URL.
  public var text = Template(parts: .empty)
  /// `rewrite`: the query.
  public var query = Template(parts: .empty)
  /// Index into `PlanTables.rewriteTitles`.
  public var title = 0

  /// A step that does nothing but what `action` says.
  public init(_ action: Action) { self.action = action }
}
