// `expires`: how long a response may be kept.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Writes one of the two fields, unless nothing is to be said.
  mutating func writeExpiry(
    _ field: FieldAssignment, _ exchange: ExchangePointer, into writer: inout HeadWriter
  ) {
    guard let moment = expiryMoment(exchange) else { return }
    writer.beginField(field.name.span)
    if field.source == .expiryDate {
      IMFDate.write(secondsSince1970: UInt64(max(0, moment.expires)), into: &writer.lines)
    } else if let age = moment.maximumAge {
      writer.lines.append("max-age=")
      writer.lines.append(decimal: UInt64(max(0, age)))
    } else {
      writer.lines.append("no-cache")
    }
    writer.endField()
  }

  /// What `expires` says of an exchange's response; nil when it says nothing.
  mutating func expiryMoment(_ exchange: ExchangePointer) -> Expiry.Moment? {
    let expiry = exchange.pointee.plan.pointee.expiry
    var value = expiry.value
    if !expiry.template.isEmpty {
      value = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { memory in
        var writer = ByteWriter(memory)
        write(expiry.template, exchange, into: &writer)
        if writer.overflowed { return .off }
        return Expiry(writer.span, isModified: expiry.isModified) ?? .off
      }
    }
    return value.moment(
      now: Int64(wall.microseconds / 1_000_000), utcOffset: Int64(wall.utcOffset),
      lastModified: lastModified(exchange))
  }

  /// When the content was last modified: the file, or what the backend says.
  private mutating func lastModified(_ exchange: ExchangePointer) -> Int64? {
    if let state = exchange.pointee.serving, state.pointee.describesFile,
      state.pointee.answeredStatus == 0
    {
      return state.pointee.status.modified
    }
    guard let peer = exchange.pointee.upstream else { return nil }
    let bytes = peer.pointee.inputBytes.span
    for index in 0..<exchange.pointee.responseHead.fields.count {
      let line = exchange.pointee.responseHead.fields[index]
      guard FieldNameMatch.equalIgnoringCase(bytes.extracting(line.name.offsets), "Last-Modified")
      else { continue }
      return HTTPDate.seconds(bytes.extracting(line.value.offsets))
    }
    return nil
  }
}
