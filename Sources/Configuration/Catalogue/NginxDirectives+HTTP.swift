/// Requests and connections: what nginx has and Waybill does not do as such.
extension NginxDirectives {
  static let http: [Group] = [
    Group(
      .needless, "Tables are sized automatically.",
      [
        Entry("variables_hash_max_size", [.top, .stream], .word),
        Entry("variables_hash_bucket_size", [.top, .stream], .word),
        Entry("server_names_hash_max_size", .top, .number),
        Entry("server_names_hash_bucket_size", .top, .number),
        Entry("types_hash_max_size", .everyLevel, .number),
        Entry("types_hash_bucket_size", .everyLevel, .number),
      ]),
    Group(
      .needless, "Memory for requests comes from fixed-size pools.",
      [
        Entry("connection_pool_size", .serverLevels, .size),
        Entry("request_pool_size", .serverLevels, .size),
        Entry("subrequest_output_buffer_size", .everyLevel, .size),
      ]),
    Group(
      .needless, "Only the limits of `large_client_header_buffers` apply.",
      [
        Entry("client_header_buffer_size", .serverLevels, .size)
      ]),
    Group(
      .needless, "Content that is kept in memory always lies in one buffer.",
      [
        Entry("client_body_in_single_buffer", .everyLevel, .flag)
      ]),
    Group(
      .notDone, "Content is stored in files without names, which are never left behind.",
      [
        Entry("client_body_in_file_only", .everyLevel, .word, unless: ["off", "clean"])
      ]),
    Group(
      .needless, "Responses are written without delay.",
      [
        Entry("tcp_nopush", .everyLevel, .flag),
        Entry("tcp_nodelay", [.top, .server, .location, .stream], .flag),
        Entry("send_lowat", .everyLevel, .size),
        Entry("postpone_output", .everyLevel, .size),
      ]),
    Group(
      .needless, "Connections are closed after `keepalive_requests` requests.",
      [
        Entry("keepalive_time", [.top, .server, .location, .upstream], .time)
      ]),
    Group(
      .needless, "Connections are kept alive for all clients.",
      [
        Entry("keepalive_disable", .everyLevel, .choices(["none", "msie6", "safari"]))
      ]),
    Group(
      .needless, "Waybill lingers wherever a response could otherwise be lost.",
      [
        Entry("lingering_close", .everyLevel, .choice(["off", "on", "always"]))
      ]),
    Group(
      .needless, "The lingering time is fixed.",
      [
        Entry("lingering_time", .everyLevel, .time),
        Entry("lingering_timeout", .everyLevel, .time),
      ]),
    Group(
      .needless, "Connections are reset if the client could not otherwise detect a cut response.",
      [
        Entry("reset_timedout_connection", .everyLevel, .flag)
      ]),
    Group(
      .needless, "No current browser needs it.",
      [
        Entry("msie_padding", .everyLevel, .flag),
        Entry("msie_refresh", .everyLevel, .flag),
      ]),
    Group(
      .needless, "The `Server` field never contains a version.",
      [
        Entry("server_tokens", .everyLevel, .word)
      ]),
    Group(
      .warned, "Content of unknown length is always sent chunked to clients that support it.",
      [
        Entry("chunked_transfer_encoding", .everyLevel, .flag, unless: ["on"])
      ]),
    Group(
      .needless, "Names of mail and stream servers are not looked up: these are not served.",
      [
        Entry("resolver", [.mail, .stream], .words(.atLeast(1))),
        Entry("resolver_timeout", [.mail, .stream], .words(.atLeast(1))),
      ]),
    Group(
      .needless, "Logs stay open.",
      [
        Entry("open_log_file_cache", [.top, .server, .location, .stream], .words(1...4))
      ]),
    Group(
      .needless, "The workers need no shared memory for this.",
      [
        Entry("zone", [.upstream, .stream], .words(1...2))
      ]),
    Group(
      .notDone, "Use `metrics` and `status`.",
      [
        Entry("api", .location, .words(0...1))
      ]),
    Group(
      .needless, "Interim responses are always passed on.",
      [
        Entry("early_hints", .everyLevel, .words(.atLeast(1)))
      ]),
    Group(
      .needless, "Connections are closed without affecting requests in progress.",
      [
        Entry("keepalive_min_timeout", .everyLevel, .time)
      ]),
    Group(
      .needless, "`metrics` counts all servers and upstreams.",
      [
        Entry("status_zone", [.server, .location, .upstream], .word)
      ]),
    Group(
      .notDone, "`access_log` writes a line per request.",
      [
        Entry("session_log", .everyLevel, .words(.atLeast(1))),
        Entry("session_log_format", .everyLevel, .words(.atLeast(1))),
        Entry("session_log_zone", .everyLevel, .words(.atLeast(1))),
      ]),
    Group(
      .notDone, "Waybill is not a forward proxy.",
      [
        Entry("tunnel_pass", [.server, .location], .words(0...1))
      ]),
    Group(
      .needless, "It has no effect without `tunnel_pass`.",
      [
        Entry("tunnel_connect_timeout", .everyLevel, .time),
        Entry("tunnel_read_timeout", .everyLevel, .time),
        Entry("tunnel_send_timeout", .everyLevel, .time),
      ]),
  ]
}
