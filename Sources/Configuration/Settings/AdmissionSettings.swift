import Basics
import Plan
import Telemetry

/// What a request has to pass before it is served. A level with rules of one kind inherits none of
/// that kind.
struct AdmissionSettings {
  /// `allow`, `deny`
  var rules: [AccessRule] = []
  /// `auth_basic`; an empty template for `off`.
  var realm: Template?
  /// Where that stands.
  var realmPlace: Place?
  /// `auth_basic_user_file`
  var passwordFile: Template?
  /// `satisfy any`
  var satisfiesAny: Bool?
  /// `auth_request`; empty for `off`.
  var authorizationPath: String?
  /// `auth_request_set`
  var authorizationValues: [VariableAssignment] = []
  /// `limit_req`
  var requestLimits: [RequestLimitSetting] = []
  var requestRefusal = RefusalSettings()
  /// `limit_conn`
  var connectionLimits: [ConnectionLimitSetting] = []
  var connectionRefusal = RefusalSettings()

  func inheriting(_ outer: AdmissionSettings) -> AdmissionSettings {
    AdmissionSettings(
      rules: rules.isEmpty ? outer.rules : rules, realm: realm ?? outer.realm,
      realmPlace: realm == nil ? outer.realmPlace : realmPlace,
      passwordFile: passwordFile ?? outer.passwordFile,
      satisfiesAny: satisfiesAny ?? outer.satisfiesAny,
      authorizationPath: authorizationPath ?? outer.authorizationPath,
      authorizationValues: authorizationValues.isEmpty
        ? outer.authorizationValues : authorizationValues,
      requestLimits: requestLimits.isEmpty ? outer.requestLimits : requestLimits,
      requestRefusal: requestRefusal.inheriting(outer.requestRefusal),
      connectionLimits: connectionLimits.isEmpty ? outer.connectionLimits : connectionLimits,
      connectionRefusal: connectionRefusal.inheriting(outer.connectionRefusal))
  }
}

/// `limit_req_status`, `limit_req_log_level`, `limit_req_dry_run`, and those of `limit_conn`.
struct RefusalSettings {
  var status: UInt64?
  var level: LogLevel?
  var isDryRun: Bool?

  func inheriting(_ outer: RefusalSettings) -> RefusalSettings {
    RefusalSettings(
      status: status ?? outer.status, level: level ?? outer.level,
      isDryRun: isDryRun ?? outer.isDryRun)
  }

  /// What holds, nginx's defaults where nothing was said.
  var plan: LimitRefusal {
    var plan = LimitRefusal()
    plan.status = status.map { UInt16($0) } ?? plan.status
    plan.level = level ?? plan.level
    plan.isDryRun = isDryRun ?? plan.isDryRun
    return plan
  }
}

/// A `limit_req`.
struct RequestLimitSetting {
  var zone: Word
  /// Whole requests.
  var burst: UInt64 = 0
  /// Whole requests; nil for `nodelay`.
  var undelayed: UInt64? = 0
}

/// A `limit_conn`.
struct ConnectionLimitSetting {
  var zone: Word
  var maximum: UInt32
}

/// A `limit_req_zone` or a `limit_conn_zone`.
struct LimitZoneDeclaration {
  var place: Place
  var keyText: String
  var key: Template
  /// Thousandths of requests a second; 0 for a `limit_conn_zone`.
  var rate: UInt64
  var bytes: UInt64
}

/// `limit_except`
struct LimitExceptDeclaration {
  var place: Place
  var methods: [String]
  var settings: AdmissionSettings
}
