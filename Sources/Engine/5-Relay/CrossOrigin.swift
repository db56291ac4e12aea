// `request_id_cors`: page scripts of other origins may read the ID, and may send one, if the
// backend has opened itself to them. Names are merged into the backend's fields, never put in their
// place.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// True when a CORS field of the backend's is written anew with the ID's name merged in.
  mutating func mergesExposure(_ exchange: ExchangePointer, _ known: FieldName) -> Bool {
    guard exposes(exchange) else { return false }
    let isPreflight = isPreflight(exchange)
    return known == .accessControlAllowHeaders ? isPreflight : !isPreflight
  }

  /// Writes the CORS field that names the ID.
  mutating func writeExposure(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout HeadWriter
  ) {
    guard exposes(exchange) else { return }
    let header = exchange.pointee.plan.pointee.requestID.header.span
    let merged: FieldName
    if isPreflight(exchange) {
      merged = .accessControlAllowHeaders
      writer.beginField("Access-Control-Allow-Headers")
    } else {
      merged = .accessControlExposeHeaders
      writer.beginField("Access-Control-Expose-Headers")
    }
    var isNamed = false
    for index in 0..<exchange.pointee.responseHead.fields.count {
      let line = exchange.pointee.responseHead.fields[index]
      guard line.known == merged, line.valueCount > 0 else { continue }
      let value = bytes.extracting(line.value.offsets)
      isNamed = isNamed || listContains(value, header)
      writer.lines.append(value)
      writer.lines.append(", ")
    }
    // A list may end with an empty member, but it is not beautiful.
    if isNamed { writer.truncate(to: writer.count - 2) } else { writer.lines.append(header) }
    writer.endField()
  }

  /// On an answer of Waybill's own: lets the configured origins read it.
  mutating func writeOwnExposure(
    _ exchange: ExchangePointer, status: UInt16, into writer: inout HeadWriter
  ) {
    precondition(status >= 200, "writeOwnExposure: an interim response")
    let policy = exchange.pointee.plan.pointee.requestID
    guard policy.crossOrigin.isOn, !policy.crossOrigin.origins.isEmpty,
      exchange.pointee.record.hasRequestLine,
      let index = exchange.pointee.head.fields.firstIndex(of: .origin)
    else { return }
    let value = exchange.pointee.head.fields[index].value
    let origin = exchange.pointee.headBytes.span.extracting(value.offsets)
    for index in policy.crossOrigin.origins.indices {
      let allowed = policy.crossOrigin.origins[index]
      guard allowed.count == origin.count,
        FieldNameMatch.equalIgnoringCase(allowed.span, origin)
      else { continue }
      if !isReplaced("Access-Control-Allow-Origin", exchange, status: status) {
        writer.appendField("Access-Control-Allow-Origin", origin)
      }
      writer.appendField("Access-Control-Expose-Headers", policy.header.span)
      writer.appendField("Vary", "Origin")
      return
    }
  }

  private mutating func exposes(_ exchange: ExchangePointer) -> Bool {
    let policy = exchange.pointee.plan.pointee.requestID
    return policy.crossOrigin.isOn && policy.mode != .off
      && exchange.pointee.responseHead.fields.firstIndex(of: .accessControlAllowOrigin) != nil
  }

  private mutating func isPreflight(_ exchange: ExchangePointer) -> Bool {
    exchange.pointee.head.method == .options
      && exchange.pointee.head.fields.firstIndex(of: .origin) != nil
      && exchange.pointee.head.fields.firstIndex(of: .accessControlRequestMethod) != nil
  }

  /// True when a comma-separated list has `name` as a member.
  private mutating func listContains(_ list: Span<UInt8>, _ name: Span<UInt8>) -> Bool {
    var start = 0
    for index in 0...list.count {
      guard index == list.count || list[index] == 0x2c else { continue }
      var first = start
      var end = index
      while first < end && (list[first] == 0x20 || list[first] == 0x09) { first += 1 }
      while end > first && (list[end - 1] == 0x20 || list[end - 1] == 0x09) { end -= 1 }
      if end - first == name.count,
        FieldNameMatch.equalIgnoringCase(list.extracting(first..<end), name)
      {
        return true
      }
      start = index + 1
    }
    return false
  }
}
