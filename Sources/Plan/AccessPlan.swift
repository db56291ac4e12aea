import Basics
import HTTP
import Policy
import Telemetry

/// Who may use a location: `allow`, `deny`, `auth_basic`, `satisfy`.
public struct AccessPlan: Sendable, BitwiseCopyable {
  /// `allow` and `deny`: the first one that the client matches counts.
  public var rules: FrozenArray<AccessRule> = .empty
  /// `auth_basic`: the realm, where passwords are asked for.
  public var realm = Template(parts: .empty)
  /// `auth_basic`: passwords are asked for, unless the realm comes out as `off`.
  public var asksForPassword = false
  /// `auth_basic_user_file`; may hold variables.
  public var passwordFile = Template(parts: .empty)

  /// Everybody.
  public init() {}

  /// True when nobody is kept out.
  public var isOpen: Bool { rules.isEmpty && !asksForPassword }
}

/// An `allow` or a `deny`.
public struct AccessRule: Sendable, BitwiseCopyable {
  /// Whom a rule is for.
  public enum Clients: Sendable, BitwiseCopyable {
    /// `all`
    case all
    /// `unix:`
    case unix
    /// Clients whose addresses lie in a range.
    case network(Network)
  }

  /// Whom it is for.
  public var clients: Clients
  /// `allow`
  public var allows: Bool

  /// The rule given.
  public init(clients: Clients, allows: Bool) {
    self.clients = clients
    self.allows = allows
  }

  /// True when the rule is for the client.
  public func matches(_ client: PeerAddress) -> Bool {
    switch clients {
    case .all: true
    case .unix: client.family == .unix
    case .network(let network): network.contains(client)
    }
  }
}

/// `auth_request`: a location of the same server says whether a request may come in.
public struct AuthorizationPlan: Sendable, BitwiseCopyable {
  /// The path of that location; empty when none is asked.
  public var path = FrozenBytes.empty
  /// `auth_request_set`: computed when the location has answered, from its answer.
  public var assignments: FrozenArray<VariableAssignment> = .empty

  /// None is asked.
  public init() {}
}

/// A variable that gets a value.
public struct VariableAssignment: Sendable, BitwiseCopyable {
  /// Its place in `PlanTables.variables`.
  public var slot: Int
  /// The value.
  public var value: Template

  /// The assignment given.
  public init(slot: Int, value: Template) {
    self.slot = slot
    self.value = value
  }
}

/// What a request has to pass before its location serves it.
public struct AdmissionPlan: Sendable, BitwiseCopyable {
  /// Who may use the location.
  public var access = AccessPlan()
  /// `limit_except`: requests with other methods than these have to pass `exceptAccess`.
  public var exceptMethods: FrozenArray<FrozenBytes> = .empty
  /// What stands in `limit_except { }`.
  public var exceptAccess = AccessPlan()
  /// `satisfy any`
  public var satisfiesAny = false
  /// `set_real_ip_from` and `real_ip_header` of the location.
  public var client: ClientAddressPlan?
  /// `limit_req`, `limit_conn`
  public var limits = LimitPlan()
  /// `auth_request`
  public var authorization = AuthorizationPlan()

  /// Every request passes.
  public init() {}

  /// True when every request passes.
  public var isOpen: Bool {
    access.isOpen && exceptMethods.isEmpty && client == nil && limits.isEmpty
      && authorization.path.isEmpty
  }
}

/// Where the client's address comes from.
public struct ClientAddressPlan: Sendable, BitwiseCopyable {
  /// `set_real_ip_from`
  public var trust: PeerTrust
  /// `real_ip_header`
  public var header: RealIPHeader
  /// The field's name in lowercase; empty for `.proxyProtocol`.
  public var field: FrozenBytes

  /// The source given.
  public init(trust: PeerTrust, header: RealIPHeader, field: FrozenBytes) {
    self.trust = trust
    self.header = header
    self.field = field
  }
}
