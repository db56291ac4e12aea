import Basics
import Policy
import Telemetry

/// A variable that the conf file makes, or that depends on the location. Templates know it by its
/// slot, its index in `PlanTables.variables`.
public struct VariablePlan: Sendable, BitwiseCopyable {
  /// Where its value comes from.
  public enum Source: UInt8, Sendable, BitwiseCopyable {
    /// `set`: nothing until it is executed.
    case assigned
    /// A named group, or a variable of `auth_request_set`: absent until it has matched, or until
    /// the location has answered.
    case group
    /// `map`: `index` is one into `maps`.
    case map
    /// `geo`: `index` is one into `addressMaps`.
    case addressMap
    /// `split_clients`: `index` is one into `divisions`.
    case division
    /// `$document_root`, `$realpath_root`
    case documentRoot
    /// `$request_filename`
    case requestFilename
    /// `$proxy_port`
    case proxyPort
    /// `$request_body`
    case requestBody
    /// `$limit_rate`
    case limitRate
    /// Something of the connection or of the process: `index` is the raw value of a `ComputedFact`.
    case fact
  }

  /// Its name without the `$`.
  public var name: FrozenBytes
  /// Where its value comes from.
  public var source: Source
  /// See `Source`.
  public var index: Int
  /// It is computed anew each time that it is asked for.
  public var isVolatile: Bool

  /// The variable given.
  public init(name: FrozenBytes, source: Source, index: Int = 0, isVolatile: Bool = false) {
    self.name = name
    self.source = source
    self.index = index
    self.isVolatile = isVolatile
  }
}

/// A `map`.
public struct MapPlan: Sendable, BitwiseCopyable {
  /// What is looked up.
  public var source: Template
  /// The keys that are plain text; the values are indices into `values`.
  public var keys: StringTable
  /// With `hostnames`, all keys but regular expressions; in place of `keys`.
  public var hostnames: ServerNameTable?
  /// Regular expressions in their order.
  public var expressions: FrozenArray<MapExpression>
  /// All values.
  public var values: FrozenArray<Template>
  /// `default`: an index into `values`; -1 for none.
  public var fallback: Int

  /// The map given.
  public init(
    source: Template, keys: StringTable, hostnames: ServerNameTable?,
    expressions: FrozenArray<MapExpression>, values: FrozenArray<Template>, fallback: Int
  ) {
    self.source = source
    self.keys = keys
    self.hostnames = hostnames
    self.expressions = expressions
    self.values = values
    self.fallback = fallback
  }
}

/// A key of a `map` that is a regular expression.
public struct MapExpression: Sendable, BitwiseCopyable {
  /// Index into `expressions`.
  public var expression: Int
  /// Index into the map's values.
  public var value: Int

  /// The key given.
  public init(expression: Int, value: Int) {
    self.expression = expression
    self.value = value
  }
}

/// A `geo`.
public struct AddressMapPlan: Sendable, BitwiseCopyable {
  /// What the address is read from; empty for the client's own.
  public var source: Template
  /// The values' indices by address.
  public var table: AddressTable
  /// All values.
  public var values: FrozenArray<FrozenBytes>
  /// `default`: an index into `values`; -1 for none.
  public var fallback: Int
  /// `proxy`: whose X-Forwarded-For is believed.
  public var proxies: PeerTrust
  /// `proxy_recursive`
  public var isRecursive: Bool

  /// The map given.
  public init(
    source: Template, table: AddressTable, values: FrozenArray<FrozenBytes>, fallback: Int,
    proxies: PeerTrust, isRecursive: Bool
  ) {
    self.source = source
    self.table = table
    self.values = values
    self.fallback = fallback
    self.proxies = proxies
    self.isRecursive = isRecursive
  }
}

/// A `split_clients`.
public struct DivisionPlan: Sendable, BitwiseCopyable {
  /// What is hashed.
  public var key: Template
  /// The parts in their order.
  public var parts: FrozenArray<DivisionPart>

  /// The division given.
  public init(key: Template, parts: FrozenArray<DivisionPart>) {
    self.key = key
    self.parts = parts
  }
}

/// A line of `split_clients`.
public struct DivisionPart: Sendable, BitwiseCopyable {
  /// Hashes below it belong to this part or to one before; nil for all (`*`).
  public var limit: UInt32?
  /// The value.
  public var value: FrozenBytes

  /// The part given.
  public init(limit: UInt32?, value: FrozenBytes) {
    self.limit = limit
    self.value = value
  }
}
