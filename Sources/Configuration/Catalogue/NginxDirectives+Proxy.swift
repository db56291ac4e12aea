/// Proxying: what nginx has and Waybill does not do as such.
extension NginxDirectives {
  static let proxy: [Group] = [
    Group(
      .notDone, "Nothing is stored.",
      [
        Entry("proxy_store", .everyLevel, .word, unless: ["off"]),
        Entry("proxy_store_access", .everyLevel, .words(1...3), unless: ["off"]),
      ]),
    Group(
      .notDone, "The kernel chooses the source address for backend connections.",
      [
        Entry("proxy_bind", [.top, .server, .location, .stream], .words(1...2), unless: ["off"])
      ]),
    Group(
      .needless, "Timeouts detect dead backends.",
      [
        Entry("proxy_socket_keepalive", [.top, .server, .location, .stream], .flag)
      ]),
    Group(
      .needless, "Responses are passed on as they arrive.",
      [
        Entry("proxy_send_lowat", .everyLevel, .size)
      ]),
    Group(
      .needless, "Tables are sized automatically.",
      [
        Entry("proxy_headers_hash_max_size", .everyLevel, .number),
        Entry("proxy_headers_hash_bucket_size", .everyLevel, .number),
      ]),
    Group(
      .notDone, "Requests are passed on with their own content.",
      [
        Entry("proxy_set_body", .everyLevel, .word)
      ]),
    Group(
      .notDone, "Trailers are passed on.",
      [
        Entry("proxy_pass_trailers", .everyLevel, .flag, unless: ["on"])
      ]),
    Group(
      .needless, "TCP and UDP streams are not proxied.",
      [
        Entry("proxy_buffer_size", .stream, .word)
      ]),
    Group(
      .warned, "If a backend ignores `Range`, the whole content is sent.",
      [
        Entry("proxy_force_ranges", .everyLevel, .flag, unless: ["off"])
      ]),
    Group(
      .notDone, "What backends send is not slowed down; `limit_rate` does that to responses.",
      [
        Entry("proxy_limit_rate", .everyLevel, .word, unless: ["0"])
      ]),
    Group(
      .warned, "Nothing is cached: each request goes to a backend.",
      [
        Entry("proxy_cache", .everyLevel, .word, unless: ["off"])
      ]),
    Group(
      .needless, "Nothing is cached.",
      [
        Entry("proxy_cache_key", .everyLevel, .word),
        Entry("proxy_cache_path", .top, .words(.atLeast(2))),
        Entry("proxy_cache_bypass", .everyLevel, .words(.atLeast(1))),
        Entry("proxy_no_cache", .everyLevel, .words(.atLeast(1))),
        Entry("proxy_cache_valid", .everyLevel, .words(.atLeast(1))),
        Entry("proxy_cache_min_uses", .everyLevel, .number),
        Entry("proxy_cache_max_range_offset", .everyLevel, .offset),
        Entry("proxy_cache_use_stale", .everyLevel, .words(.atLeast(1))),
        Entry("proxy_cache_methods", .everyLevel, .words(.atLeast(1))),
        Entry("proxy_cache_lock", .everyLevel, .flag),
        Entry("proxy_cache_lock_timeout", .everyLevel, .time),
        Entry("proxy_cache_lock_age", .everyLevel, .time),
        Entry("proxy_cache_revalidate", .everyLevel, .flag),
        Entry("proxy_cache_convert_head", .everyLevel, .flag),
        Entry("proxy_cache_background_update", .everyLevel, .flag),
      ]),
    Group(
      .notDone, "It is not available in this version.",
      [
        Entry("proxy_ssl_conf_command", [.top, .server, .location, .stream], .words(2...2)),
        Entry("proxy_ssl_key_log", .everyLevel, .word),
      ]),
    Group(
      .needless, "Certificates are read at startup and on each reload.",
      [
        Entry("proxy_ssl_certificate_cache", .everyLevel, .words(1...4))
      ]),
  ]
}
