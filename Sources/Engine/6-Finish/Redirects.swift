// What an answer of Waybill's own says of its target and of its text.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Appends the Location field. A URL that begins with `/` becomes absolute where the
  /// configuration says so.
  mutating func writeLocation(
    _ target: RedirectTarget, _ exchange: ExchangePointer, into writer: inout HeadWriter
  ) {
    let start = writer.beginField("Location")
    if exchange.pointee.plan.pointee.redirect.isAbsolute {
      writeOrigin(exchange, into: &writer.lines)
    }
    let pathStart = writer.count
    writeURL(target, exchange, into: &writer.lines)
    let isPath = writer.count > pathStart && writer.lines.written[pathStart] == UInt8(ascii: "/")
    if pathStart > start && !isPath && !writer.overflowed {
      writer.truncate(to: start)
      writeURL(target, exchange, into: &writer.lines)
    }
    writer.endField()
  }

  /// Appends a Location that was kept, absolute as the location that answers in the end says.
  mutating func writeCarriedLocation(
    _ value: Span<UInt8>, _ exchange: ExchangePointer, into writer: inout HeadWriter
  ) {
    writer.beginField("Location")
    let isPath = !value.isEmpty && value[0] == UInt8(ascii: "/")
    if isPath && exchange.pointee.plan.pointee.redirect.isAbsolute {
      writeOrigin(exchange, into: &writer.lines)
    }
    writer.lines.append(value)
    writer.endField()
  }

  /// Keeps a redirect's Location for the page of `error_page` that is sent in its place.
  mutating func carryLocation(_ target: RedirectTarget, _ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .none, "carryLocation: a response has begun")
    let capacity = Limits.largestTargetBytes
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { memory in
      var writer = ByteWriter(memory)
      writer.append("Location")
      let nameCount = writer.count
      writeURL(target, exchange, into: &writer)
      guard !writer.overflowed, writer.count > nameCount else { return }
      let bytes = writer.span
      carry(exchange, bytes.extracting(..<nameCount), bytes.extracting(nameCount...))
    }
  }

  private mutating func writeURL(
    _ target: RedirectTarget, _ exchange: ExchangePointer, into writer: inout ByteWriter
  ) {
    switch target {
    case .url(let url): write(url, exchange, into: &writer)
    case .kept(let range): writer.appendFieldValue(kept(range, exchange).span)
    case .folder:
      PathNormalization.encode(exchange.pointee.pathBytes.span, into: &writer)
      writer.append(UInt8(ascii: "/"))
      guard !exchange.pointee.head.query.isEmpty else { return }
      writer.append(UInt8(ascii: "?"))
      let query = exchange.pointee.head.query
      writer.append(exchange.pointee.headBytes.span.extracting(query.offsets))
    }
  }

  /// Appends `https://host:port`, the port unless it is the scheme's own.
  mutating func writeOrigin(_ exchange: ExchangePointer, into writer: inout ByteWriter) {
    let isSecure = exchange.pointee.record.isSecure
    writer.append(isSecure ? "https://" : "http://")
    let name = tables.servers[exchange.pointee.server].name
    if exchange.pointee.plan.pointee.redirect.usesServerName && !name.isEmpty {
      writer.append(name.span)
    } else {
      let start = writer.count
      write(tables.hostTemplate, exchange, into: &writer)
      // Neither the client nor the configuration has named a host.
      if writer.count == start {
        kernel.localAddress(exchange.pointee.downstream.pointee.descriptor).write(into: &writer)
      }
    }
    let listener = Int(exchange.pointee.downstream.pointee.origin)
    let port = tables.listeners[listener].address.port
    guard
      exchange.pointee.plan.pointee.redirect.showsPort && port != 0
        && port != (isSecure ? 443 : 80)
    else { return }
    writer.append(UInt8(ascii: ":"))
    writer.append(decimal: UInt64(port))
  }

  /// The media type by the path's extension, or `default_type`.
  mutating func mediaType(_ exchange: ExchangePointer) -> FrozenBytes {
    let types = exchange.pointee.plan.pointee.answerTypes
    let path = exchange.pointee.pathBytes
    if !types.isEmpty, let start = extensionStart(path),
      let type = types.type(ofExtension: path.span.extracting(start..<path.count))
    {
      return type
    }
    return exchange.pointee.plan.pointee.answerType
  }

  /// Where the extension of a path's last segment begins; a name that begins with a dot has none.
  private func extensionStart(_ path: UnsafeBufferPointer<UInt8>) -> Int? {
    var index = path.count - 1
    while index > 0, path[index] != UInt8(ascii: "/") {
      if path[index] == UInt8(ascii: ".") {
        let isFirst = path[index - 1] == UInt8(ascii: "/")
        return isFirst || index + 1 == path.count ? nil : index + 1
      }
      index -= 1
    }
    return nil
  }
}

/// Where a redirect of Waybill's own leads.
enum RedirectTarget: BitwiseCopyable {
  /// To a URL of the conf file.
  case url(Template)
  /// To one that is kept among the exchange's values.
  case kept(ByteRange)
  /// To the request's path with a slash behind it, and its query.
  case folder
}
