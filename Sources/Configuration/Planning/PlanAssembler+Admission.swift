import Basics
import Plan
import Policy
import Telemetry

/// What a request has to pass before its location serves it.
extension PlanAssembler {
  /// Sets what a location asks of requests. `client` is where it says itself who its client is.
  func setAdmission(
    _ settings: AdmissionSettings, except: LimitExceptDeclaration?, client: RealIPSettings?,
    _ plan: inout LocationPlan
  ) {
    var admission = AdmissionPlan()
    admission.access = access(settings)
    admission.satisfiesAny = settings.satisfiesAny ?? false
    if let except {
      admission.exceptMethods = arena.freeze(except.methods.map { arena.freeze($0) })
      admission.exceptAccess = access(except.settings.inheriting(settings))
    }
    admission.client = client.map { settings in
      let (header, field) = realIPPlan(settings)
      let trust = (settings.trust ?? TrustSetting()).freeze(arena, &networks)
      return ClientAddressPlan(trust: trust, header: header, field: field)
    }
    admission.limits = limits(settings)
    admission.authorization = authorization(settings)
    plan.admission = admission
  }

  private func access(_ settings: AdmissionSettings) -> AccessPlan {
    var plan = AccessPlan()
    plan.rules = accessRules.made(of: settings.rules) { arena.freeze($0) }
    guard let realm = settings.realm, !realm.isEmpty else { return plan }
    guard let file = settings.passwordFile else {
      if let place = settings.realmPlace, !builder.failed.contains("auth_basic_user_file") {
        warn(
          place, "\"auth_basic\" asks nobody for a password: there is no auth_basic_user_file",
          expected: "auth_basic_user_file FILE; beside it")
      }
      return plan
    }
    plan.realm = realm
    plan.passwordFile = file
    plan.asksForPassword = true
    return plan
  }

  private func authorization(_ settings: AdmissionSettings) -> AuthorizationPlan {
    var plan = AuthorizationPlan()
    plan.path = arena.freeze(settings.authorizationPath ?? "")
    plan.assignments = arena.freeze(settings.authorizationValues)
    return plan
  }

  private func limits(_ settings: AdmissionSettings) -> LimitPlan {
    var plan = LimitPlan()
    plan.requests = arena.freeze(
      settings.requestLimits.compactMap { limit in
        limitZone(limit.zone, isRate: true).map {
          RequestLimit(
            zone: $0, burst: limit.burst * 1000,
            undelayed: limit.undelayed.map { $0 * 1000 } ?? .max)
        }
      })
    plan.connections = arena.freeze(
      settings.connectionLimits.compactMap { limit in
        limitZone(limit.zone, isRate: false).map {
          ConnectionLimit(zone: $0, maximum: limit.maximum)
        }
      })
    plan.requestRefusal = settings.requestRefusal.plan
    plan.connectionRefusal = settings.connectionRefusal.plan
    return plan
  }

  /// The index of a zone; nil when there is none of that kind, which is reported.
  private func limitZone(_ name: Word, isRate: Bool) -> Int? {
    let directive = isRate ? "limit_req_zone" : "limit_conn_zone"
    let declared = builder.limitZones[name.text]
    if declared == nil, builder.failed.mayDeclare(.zone, name.text) { return nil }
    guard let declared, (declared.rate > 0) == isRate else {
      reporter.error(
        name.place, "there is no \"\(directive)\" with the name \"\(name.text)\"",
        expected: "\(directive) KEY zone=\(name.text):10m\(isRate ? " rate=10r/s" : "");")
      return nil
    }
    if let known = limitZoneIndices[name.text] { return known }
    limitZoneIndices[name.text] = limitZones.count
    limitZones.append(
      LimitZonePlan(
        name: arena.freeze(name.text), keyText: arena.freeze(declared.keyText), key: declared.key,
        rate: declared.rate, bytes: declared.bytes))
    return limitZones.count - 1
  }
}
