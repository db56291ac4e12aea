// `add_header`: what a location adds to responses, whoever made them.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// What `add_header` adds: to successful responses and redirects, or to all with `always`. Comes
  /// last in the head: the values may quote what stands there (`$sent_http_NAME`). With `keepsType`
  /// the content's own media type is the only one.
  mutating func writeAddedFields(
    _ exchange: ExchangePointer, status: UInt16, keepsType: Bool = false,
    into writer: inout HeadWriter
  ) {
    let fields = exchange.pointee.plan.pointee.responseFields
    guard !fields.isEmpty else { return }
    noteTimeForTemplates(exchange)
    for index in fields.indices where fields[index].isAdded(to: status) {
      if fields[index].replacement != .none && isOverridden(index, fields, status) { continue }
      if keepsType, FieldNameMatch.equalIgnoringCase(fields[index].name.span, "Content-Type") {
        continue
      }
      let quotes =
        fields[index].source == .template
        ? fields[index].value.quotesResponse
        : exchange.pointee.plan.pointee.expiry.template.quotesResponse
      if quotes && !tables.capturedFields.isEmpty { captureSentFields(exchange, writer) }
      if fields[index].source != .template {
        writeExpiry(fields[index], exchange, into: &writer)
        continue
      }
      if let stages = exchange.pointee.stages, fields[index].isValidator {
        writeAddedValidator(fields[index], exchange, stages, into: &writer)
        continue
      }
      appendTemplateField(fields[index].name, fields[index].value, exchange, into: &writer)
    }
  }

  /// Writes an added ETag or Last-Modified as a backend's, where stages change the content.
  private mutating func writeAddedValidator(
    _ field: FieldAssignment, _ exchange: ExchangePointer, _ stages: ResponseStagesPointer,
    into writer: inout HeadWriter
  ) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Limits.largestTargetBytes) { memory in
      var value = ByteWriter(memory)
      write(field.value, exchange, into: &value)
      guard value.count > 0, !value.overflowed else { return }
      if !writesForStages(field.name.span, value.span, stages, into: &writer.lines) {
        writer.appendField(field.name.span, value.span)
      }
    }
  }

  /// Has variables of time tell the present: the line, which tells the end, is still to come.
  mutating func noteTimeForTemplates(_ exchange: ExchangePointer) {
    now = kernel.now()
    let duration = now - exchange.pointee.start
    exchange.pointee.record.duration = duration
    exchange.pointee.record.endTime =
      exchange.pointee.record.startTime &+ duration.microseconds
  }

  /// True when `add_header` puts a field in the place of the one of that name.
  mutating func isReplaced(
    _ name: Span<UInt8>, _ exchange: ExchangePointer, status: UInt16
  ) -> Bool {
    let fields = exchange.pointee.plan.pointee.responseFields
    for index in fields.indices
    where fields[index].replacement != .none && fields[index].isAdded(to: status)
      && FieldNameMatch.equalIgnoringCase(fields[index].name.span, name)
    {
      if fields[index].replacement == .always || hasValue(fields[index], exchange) {
        return true
      }
    }
    return false
  }

  /// The same for a name that is known beforehand.
  mutating func isReplaced(
    _ name: StaticString, _ exchange: ExchangePointer, status: UInt16
  ) -> Bool {
    guard exchange.pointee.plan.pointee.withholdsFields else { return false }
    let bytes = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    return isReplaced(bytes.span, exchange, status: status)
  }

  /// True when a later line sets the same field: the last one counts, as in nginx.
  private mutating func isOverridden(
    _ index: Int, _ fields: FrozenArray<FieldAssignment>, _ status: UInt16
  ) -> Bool {
    // What is added to it is a further line.
    if fields[index].source == .maximumAge { return false }
    for later in (index + 1)..<max(index + 1, fields.count)
    where fields[later].isAdded(to: status)
      && FieldNameMatch.equalIgnoringCase(fields[later].name.span, fields[index].name.span)
    {
      return true
    }
    return false
  }

  /// True when a field's value does not come out empty.
  private mutating func hasValue(_ field: FieldAssignment, _ exchange: ExchangePointer) -> Bool {
    if field.source != .template { return expiryMoment(exchange) != nil }
    let template = field.value
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1) { memory in
      var writer = ByteWriter(memory)
      write(template, exchange, into: &writer)
      return writer.count > 0 || writer.overflowed
    }
  }
}

extension FieldAssignment {
  /// True for fields that tell one version of the content from another (RFC 9110 section 8.8).
  fileprivate var isValidator: Bool {
    FieldNameMatch.equalIgnoringCase(name.span, "ETag")
      || FieldNameMatch.equalIgnoringCase(name.span, "Last-Modified")
  }

  /// True when `add_header` adds it to a response of that status.
  fileprivate func isAdded(to status: UInt16) -> Bool {
    switch status {
    case 200, 201, 204, 206, 301, 302, 303, 304, 307, 308: true
    default: isAlways
    }
  }
}

extension Template {
  /// True when it asks for a field of the response, or for a `map`, which may do so.
  fileprivate var quotesResponse: Bool {
    if usesOwn { return true }
    for index in parts.indices where parts[index].variable == .captured { return true }
    return false
  }
}
