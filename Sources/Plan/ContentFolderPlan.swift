/// A folder for content that is too large for memory.
public struct ContentFolderPlan: Sendable, Equatable {
  /// Absolute, or relative to the folder that the program was started in.
  public var path: String
  /// The directive that names it first: `client_body_temp_path`, `proxy_temp_path`.
  public var directive: String

  /// The values given.
  public init(path: String, directive: String) {
    self.path = path
    self.directive = directive
  }
}
