import Basics
import HTTP
import Policy
import Telemetry

/// Client connections: timeouts, sizes, kept-alive connections.
extension DirectiveCatalog {
  static let clients: [Directive] = [
    .flag(
      "underscores_in_headers", in: [.top, .server], default: "off", \.client.allowsUnderscores,
      """
      Whether fields of a client's count whose names have an underscore. CGI-style backends can't \
      tell `X_User` from `X-User`, so they are ignored by default, as if they had not come.
      """),
    .flag(
      "ignore_invalid_headers", in: [.top, .server], default: "on", \.client.ignoresInvalidNames,
      """
      Whether fields of a client's are ignored whose names have something else than letters, \
      digits, dashes and, with `underscores_in_headers`, underscores. A name that is no token \
      makes the request invalid either way: 400.
      """),
    .time(
      "client_header_timeout", in: [.top, .server], default: "60s", \.client.headerTimeout,
      """
      How long a client may take to send a request head, from its first byte to its end; otherwise \
      408.
      """),
    .time(
      "client_body_timeout", in: .everyLevel, default: "60s", \.client.bodyTimeout,
      "How long a client may pause while it sends content; otherwise 408."),
    .time(
      "send_timeout", in: .everyLevel, default: "60s", \.client.sendTimeout,
      "How long a client may stop reading a response before the connection is closed."),
    Directive(
      "limit_rate", in: .levelsAndLocationIf, "SIZE", default: "0",
      """
      Bytes a second that a client gets of a response, the first second's at once; 0 for no limit. \
      May be a variable. `set $limit_rate` and a backend's `X-Accel-Limit-Rate` come before it. As \
      in nginx, it is not for responses of backends with `proxy_buffering off` or \
      `X-Accel-Buffering: no`.
      """
    ) { builder, use in
      builder.settings.client.rate = builder.rate(use.arguments[0])
    },
    Directive(
      "limit_rate_after", in: .levelsAndLocationIf, "SIZE", default: "0",
      "Bytes of a response that a client gets before `limit_rate` counts. May be a variable."
    ) { builder, use in
      builder.settings.client.unlimitedBytes = builder.rate(use.arguments[0])
    },
    Directive(
      "keepalive_timeout", in: .everyLevel, "TIME [TIME]", count: 1...2, default: "75s",
      """
      How long an idle client connection is kept; 0 closes it after each response. nginx's second \
      time, for the `Keep-Alive` field, is checked and has no effect.
      """
    ) { builder, use in
      guard let time = builder.time(use.arguments[0], mayBeZero: true) else { return }
      if use.arguments.count > 1, builder.time(use.arguments[1], mayBeZero: true) == nil { return }
      builder.settings.client.keepaliveTimeout = time
    },
    .number(
      "keepalive_requests", in: .everyLevel, 1...UInt64(UInt32.max), default: "1000",
      \.client.keepaliveRequests,
      """
      How many requests one client connection may carry. Over HTTP/2 the client is then asked to \
      begin no more; those on their way are still served.
      """),
    .size(
      "client_max_body_size", in: .everyLevel, default: "0", \.client.maximumContentBytes,
      """
      The maximum size of a request's content; larger content gets 413. 0, the default, means \
      unlimited (nginx's default is `1m`; see `nginx_defaults`): memory is limited in any case, \
      and files by `temp_space`.
      """),
    Directive(
      "client_body_buffer_size", in: .everyLevel, "SIZE", default: "64k",
      """
      How much of a request's content `proxy_request_buffering` keeps in memory, up to 192k. \
      Larger content is stored in a file.
      """
    ) { $0.bodyBufferSize($1) },
    Directive(
      "client_body_temp_path", in: .everyLevel, "FOLDER [LEVEL [LEVEL [LEVEL]]]", count: 1...4,
      default: Limits.temporaryFolder,
      """
      The directory for content that is too large for memory, which is stored in files without \
      names. The levels of nginx's subdirectories have no effect.
      """
    ) { builder, use in
      builder.settings.client.bodyFolder =
        builder.contentFolder(use) ?? builder.settings.client.bodyFolder
    },
    Directive(
      "temp_space", in: .top, "SIZE", default: "1g",
      """
      The maximum size of all temporary files together. Beyond it, content is passed on as it \
      arrives.
      """
    ) { builder, use in
      guard let bytes = builder.bytes(use.arguments[0]) else { return }
      builder.process.temporaryBytes = bytes
    },
    Directive(
      "large_client_header_buffers", in: [.top, .server], "NUMBER SIZE", count: 2...2,
      default: "4 8k",
      """
      Limits on request heads: SIZE bytes per line (otherwise 414 or 431) and NUMBER times SIZE \
      for the whole head (otherwise 431).
      """
    ) { builder, use in
      guard let number = builder.number(use.arguments[0], 1...1024),
        let bytes = builder.bytes(use.arguments[1])
      else { return }
      let (total, overflow) = number.multipliedReportingOverflow(by: bytes)
      guard !overflow, bytes >= 64, total <= Limits.largestHeadBytes else {
        builder.reporter.error(
          use.arguments[1].place, "\(number) times \(bytes) bytes is out of range",
          expected: "lines of 64 bytes or more, up to \(Limits.largestHeadBytes / 1024)k in all")
        return
      }
      builder.settings.client.headerBuffers = (Int(number), Int(bytes))
    },
    .number(
      "max_headers", in: [.top, .server], 1...UInt64(FieldSection.capacity), default: "100",
      \.client.maximumFieldCount,
      "The maximum number of field lines in a request head; otherwise 431."),
  ]
}

extension ConfigurationBuilder {
  fileprivate func bodyBufferSize(_ use: DirectiveUse) {
    guard size(use.arguments[0]), let bytes = bytes(use.arguments[0]) else { return }
    guard bytes > 0 else {
      return reporter.error(
        use.arguments[0].place, "the buffer must not be empty", expected: "a size from 1")
    }
    // A larger one is nginx's way to keep more from the disk; here the rest goes to a file.
    settings.client.bodyBufferBytes = min(bytes, UInt64(Limits.largestBodyBufferBytes))
  }
}

extension ConfigurationBuilder {
  /// A number of bytes, or a text with variables that comes to one; empty for 0.
  fileprivate func rate(_ word: Word) -> Template? {
    guard !word.text.contains("$") else { return template(word) }
    guard let count = bytes(word) else { return nil }
    return count == 0 ? Template(parts: .empty) : template("\(count)") { _, _ in word.place }
  }
}
