import Basics
import HTTP
import Plan
import Policy
import Telemetry

/// `proxy_set_header` and `add_header` of one place. The request-ID header is not theirs: Waybill
/// writes exactly one line of it, so setting it to `$request_id` says nothing new and anything else
/// would break the promise.
extension PlanAssembler {
  /// The fields set on requests to the backend.
  func requestFields(_ settings: Settings) -> FrozenArray<FieldAssignment> {
    freeze(settings.requestFields, settings.requestID)
  }

  /// The fields added to responses.
  func responseFields(_ settings: Settings) -> FrozenArray<FieldAssignment> {
    let fields = freeze(settings.responseFields, settings.requestID)
    return arena.freeze(
      expiryFields(settings)
        + fields.indices.map { index in
          var field = fields[index]
          let name = String(decoding: field.name.indices.map { field.name[$0] }, as: UTF8.self)
          field.replacement = FieldSyntax.replacement(name)
          return field
        })
  }

  /// nginx sends the name in `proxy_pass` where nothing else is said.
  func setNginxHost(_ pass: PassDeclaration, _ settings: Settings, _ plan: inout LocationPlan) {
    let fields = plan.requestFields
    let context = context(settings.requestID)
    plan.requestFields = hostAssignments.made(of: settings.requestFields, context: context) { _ in
      guard !fields.indices.contains(where: { fields[$0].known == .host }),
        let value = builder.template("$proxy_host", place: { _, _ in pass.place })
      else { return fields }
      let host = FieldAssignment(
        name: arena.freeze("Host"), known: .host, value: value, isAlways: true)
      return arena.freeze([host] + fields.indices.map { fields[$0] })
    }
  }

  private func freeze(
    _ fields: [FieldSetting], _ requestID: RequestIDSettings
  ) -> FrozenArray<FieldAssignment> {
    assignments.made(of: fields, context: context(requestID)) {
      arena.freeze(assign($0, requestID))
    }
  }

  /// What decides besides the fields what becomes of them.
  private func context(_ requestID: RequestIDSettings) -> [String] {
    requestID.effectiveMode == .off ? [] : [requestID.effectiveHeader]
  }

  private func assign(
    _ fields: [FieldSetting], _ requestID: RequestIDSettings
  ) -> [FieldAssignment] {
    var assignments: [FieldAssignment] = []
    for field in fields {
      let name = field.name.text
      if requestID.effectiveMode != .off,
        FieldSyntax.foldAlike(name, requestID.effectiveHeader)
      {
        checkRequestIDField(field, requestID.effectiveHeader)
        continue
      }
      assignments.append(
        FieldAssignment(
          name: arena.freeze(name), known: FieldSyntax.classify(name), value: field.value,
          isAlways: field.isAlways))
    }
    return assignments
  }

  private func checkRequestIDField(_ field: FieldSetting, _ header: String) {
    guard field.text.text != "$request_id", field.text.text != "${request_id}" else { return }
    let what =
      field.name.text.lowercased() == header.lowercased()
      ? "\"\(field.name.text)\" carries the request ID"
      : "\"\(field.name.text)\" is the same as the request ID's \"\(header)\" to many backends"
    reporter.error(
      field.text.place, "\(what): Waybill sets it itself",
      expected: "$request_id, or request_id off; to pass the header through")
  }
}
