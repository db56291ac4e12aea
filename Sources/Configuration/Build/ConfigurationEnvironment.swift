import HTTP

/// What compiling a conf file needs of the outer world, so that this target touches no file and no
/// network itself and tests play both.
public struct ConfigurationEnvironment {
  /// The bytes of the file at a path.
  public var readFile: (String) -> Result<[UInt8], FileProblem>
  /// The paths that match a pattern with `*`, `?` and `[…]`.
  public var listFiles: (String) -> [String]
  /// The addresses of a host name; their ports are ignored.
  public var resolve: (String) -> Result<[PeerAddress], ResolveProblem>
  /// The machine's name: `$hostname`.
  public var hostname: String
  /// The wall clock in seconds since 1970-01-01 UTC, for the dates of certificates; nil looks at
  /// none.
  public var now: Int?

  /// The environment given.
  public init(
    readFile: @escaping (String) -> Result<[UInt8], FileProblem>,
    listFiles: @escaping (String) -> [String],
    resolve: @escaping (String) -> Result<[PeerAddress], ResolveProblem>, hostname: String,
    now: Int? = nil
  ) {
    self.readFile = readFile
    self.listFiles = listFiles
    self.resolve = resolve
    self.hostname = hostname
    self.now = now
  }
}

/// Why a file can't be read.
public struct FileProblem: Error, Equatable, Sendable {
  /// The reason as the system words it: `No such file or directory`.
  public var reason: String
  /// The problem given.
  public init(reason: String) { self.reason = reason }
}

/// Why a name has no address.
public struct ResolveProblem: Error, Equatable, Sendable {
  /// The reason as the system words it: `Name or service not known`.
  public var reason: String
  /// The problem given.
  public init(reason: String) { self.reason = reason }
}
