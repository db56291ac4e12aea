// What the kernel tells of files that are served.

/// A file that is served: its kind, size and age when it was looked at.
public struct FileStatus: Equatable, Sendable, BitwiseCopyable {
  /// What it is.
  public enum Kind: UInt8, Sendable, BitwiseCopyable {
    /// A regular file.
    case regular
    /// A folder.
    case folder
    /// A FIFO, a socket, a device: never served.
    case special
  }

  /// What it is.
  public var kind: Kind
  /// Its bytes.
  public var size: UInt64
  /// When it was last modified, in seconds since 1970-01-01 UTC.
  public var modified: Int64
  /// Its owner may execute it.
  public var isExecutable = false

  /// The status given.
  public init(kind: Kind, size: UInt64, modified: Int64) {
    self.kind = kind
    self.size = size
    self.modified = modified
  }
}

/// Why a file can't be opened.
public enum FileRefusal: Equatable, Sendable, BitwiseCopyable {
  /// There is none of that name (ENOENT), or it is one that can't be opened (ENXIO: a socket).
  case missing
  /// What should be a folder on the way to it is none (ENOTDIR), or the path is too long.
  case noFolder
  /// It may not be read (EACCES).
  case denied
  /// A symbolic link must not be followed, or too many follow each other (ELOOP).
  case link
  /// Anything else.
  case failed(KernelError)
}

/// What `openFile` did.
public enum FileOpenResult: Sendable, BitwiseCopyable {
  /// It is open.
  case opened(Descriptor, FileStatus)
  /// It is not.
  case refused(FileRefusal)
}

/// What `fileStatus` found.
public enum FileStatusResult: Sendable, BitwiseCopyable {
  /// The file.
  case found(FileStatus)
  /// None that may be looked at.
  case refused(FileRefusal)
}

/// What becomes of symbolic links on the way to a file.
public struct LinkRule: Sendable, BitwiseCopyable {
  /// What is done with a link.
  public enum Kind: Int32, Sendable, BitwiseCopyable {
    /// It is followed.
    case followed
    /// It is not followed.
    case refused
    /// It is followed when its owner is that of what it points to.
    case ofSameOwner
  }

  /// What is done with a link.
  public var kind: Kind
  /// In so many bytes of the path's begin links are followed anyway.
  public var trustedCount: Int

  /// The rule given.
  public init(_ kind: Kind, trustedCount: Int = 0) {
    self.kind = kind
    self.trustedCount = trustedCount
  }
}
