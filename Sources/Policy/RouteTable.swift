import Basics
import HTTP

/// The names of the servers of one listener: exact ones hashed, `*.x` ones by their suffix, `x.*`
/// ones by their prefix.
public struct ServerNameTable: Sendable, BitwiseCopyable {
  /// An open-addressed slot of the hash table.
  public struct Entry: Sendable, BitwiseCopyable {
    /// The name in lowercase; for a wildcard without `*`: `.example.com`.
    public var name: FrozenBytes
    /// Index of the server; -1: the slot is free.
    public var server: Int

    /// A slot that holds nothing.
    static var free: Entry { Entry(name: .empty, server: -1) }
  }

  /// Exact names; a power of two of slots, or none.
  var exact: FrozenArray<Entry>
  /// Wildcard suffixes, longest match wins; a power of two of slots, or none.
  var suffixes: FrozenArray<Entry>
  /// Wildcard prefixes with their dot: `www.example.`.
  var tails: LocationTable
  /// What `find` says of a host that has no exact name and no suffix.
  var unmatched: Int
}

/// The locations of one server, or those inside of one with a regular expression, sorted by path.
public struct LocationTable: Sendable, BitwiseCopyable {
  /// A path and what serves it.
  public struct Entry: Sendable, BitwiseCopyable {
    /// The path or prefix.
    public var path: FrozenBytes
    /// Index of the location.
    public var location: Int
    /// Index of the entry with the longest shorter prefix that this one begins with; -1 for none.
    public var parent: Int
  }

  /// `= /path`, sorted by bytes.
  var exact: FrozenArray<Entry>
  /// `/prefix` and `^~ /prefix`, sorted by bytes.
  var prefixes: FrozenArray<Entry>
  /// What `find` says of a path that nothing matches.
  var unmatched: Int
}
