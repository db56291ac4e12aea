import Basics
import HTTP
import Plan
import Policy
import Telemetry

/// Which fields are sent in which locations besides those that the conf file sets.
struct TracedFields: Hashable {
  /// Where the conf file's lie.
  var address: UnsafePointer<FieldAssignment>?
  var count: Int
  /// `proxy_pass_request_headers off`
  var dropsBaggage: Bool

  init(_ fields: FrozenArray<FieldAssignment>, dropsBaggage: Bool = false) {
    address = fields.isEmpty ? nil : fields.address(of: 0)
    count = fields.count
    self.dropsBaggage = dropsBaggage
  }
}

/// Traces and `Server-Timing`: what locations that have them do more than others. All others pay
/// nothing for it, so it lies in what they are made of: their first action, and their fields.
extension PlanAssembler {
  /// Has all locations do what their settings say. Their actions are known.
  func finishTracing() {
    for index in locations.indices {
      if locations[index].tracing.isOn {
        locations[index].traced = locations[index].action
        locations[index].action = .traced
        if locations[index].requestID.format == .trace && locations[index].tracing.extracts {
          locations[index].requestID.needsSettling = true
        }
      }
      if locations[index].tracing.injects {
        locations[index].requestFields = withContext(
          locations[index].requestFields, dropsBaggage: locations[index].dropsRequestFields)
        locations[index].filtersRequestFields = true
      }
      if locations[index].sendsServerTiming {
        locations[index].responseFields = withServerTiming(locations[index].responseFields)
      }
    }
  }

  /// The fields sent to a backend, with those of the context: what the conf file sets itself
  /// prevails.
  private func withContext(
    _ fields: FrozenArray<FieldAssignment>, dropsBaggage: Bool
  ) -> FrozenArray<FieldAssignment> {
    let key = TracedFields(fields, dropsBaggage: dropsBaggage)
    if let known = contextFields[key] { return known }
    let names = Set(
      fields.indices.map { index in
        let name = fields[index].name
        return String(decoding: name.indices.map { name[$0] }, as: UTF8.self).lowercased()
      })
    let own: [(String, FieldSource)] = [
      ("traceparent", .traceContext), ("tracestate", .traceState),
      ("baggage", dropsBaggage ? .withheld : .baggage),
    ]
    let made = arena.freeze(
      fields.indices.map { fields[$0] }
        + own.filter { !names.contains($0.0) }.map { assignment($0.0, source: $0.1) })
    contextFields[key] = made
    return made
  }

  private func withServerTiming(
    _ fields: FrozenArray<FieldAssignment>
  ) -> FrozenArray<FieldAssignment> {
    if let known = timedFields[TracedFields(fields)] { return known }
    let made = arena.freeze(
      fields.indices.map { fields[$0] } + [assignment("Server-Timing", .serverTiming)])
    timedFields[TracedFields(fields)] = made
    return made
  }

  private func assignment(
    _ name: String, _ variable: Variable? = nil, source: FieldSource = .template
  ) -> FieldAssignment {
    var field = FieldAssignment(
      name: arena.freeze(name), known: FieldSyntax.classify(name),
      value: Template(parts: arena.freeze(variable.map { [TemplatePart($0)] } ?? [])),
      isAlways: true)
    field.source = source
    return field
  }
}
