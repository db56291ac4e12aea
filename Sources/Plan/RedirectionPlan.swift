import Basics
import Policy
import Telemetry

/// What sends a request on to another location without the client's knowledge: `try_files`,
/// `error_page` and `internal`.
public struct RedirectionPlan: Sendable, BitwiseCopyable {
  /// `internal`: clients get 404, internal redirects do not.
  public var isInternal = false
  /// `try_files`: true even where no file can be looked for.
  public var triesFiles = false
  /// `try_files` without its last argument.
  public var triedFiles: FrozenArray<TriedFile> = .empty
  /// `try_files`: its last argument.
  public var triedLast = RedirectionTarget.status(0)
  /// `error_page`
  public var errorPages: FrozenArray<ErrorPage> = .empty
  /// `recursive_error_pages`
  public var allowsRecursion = false
  /// `proxy_intercept_errors`
  public var interceptsErrors = false

  /// None of them.
  public init() {}
}

/// Where an internal redirect leads.
public enum RedirectionTarget: Sendable, BitwiseCopyable {
  /// Nowhere: this status is answered, as if it had arisen here.
  case status(UInt16)
  /// A URI: its location is looked for. What follows a `?` is its query.
  case uri(Template)
  /// A named location: an index into `locations`.
  case named(Int)
  /// A URL that the client is sent to.
  case url(Template)
}

/// An argument of `try_files` but the last.
public struct TriedFile: Sendable, BitwiseCopyable {
  /// Its path below `root`, without the slash at its end that asks for a folder.
  public var path: Template
  /// True when a folder is asked for, false when anything else is.
  public var isFolder: Bool

  /// The argument given.
  public init(path: Template, isFolder: Bool) {
    self.path = path
    self.isFolder = isFolder
  }
}

/// A named location of a server.
public struct NamedLocation: Sendable, BitwiseCopyable {
  /// Its name, `@` included.
  public var name: FrozenBytes
  /// Its index in `locations`.
  public var location: Int

  /// The location given.
  public init(name: FrozenBytes, location: Int) {
    self.name = name
    self.location = location
  }
}

/// One status of an `error_page`.
public struct ErrorPage: Sendable, BitwiseCopyable {
  /// The status that it is for.
  public var status: UInt16
  /// `=CODE`: the status that is answered; 0 for the one that the target has (`=`), nil for the
  /// one that it is for.
  public var answer: UInt16?
  /// Where the page is.
  public var target: RedirectionTarget

  /// The page given.
  public init(status: UInt16, answer: UInt16?, target: RedirectionTarget) {
    self.status = status
    self.answer = answer
    self.target = target
  }
}
