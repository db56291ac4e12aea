/// TLS, HTTP/2 and HTTP/3: what nginx has and Waybill does not do as such.
extension NginxDirectives {
  static let secure: [Group] = [
    Group(
      .notDone, "OpenSSL 3 uses providers instead, which its own configuration loads.",
      [
        Entry("ssl_engine", .main, .word)
      ]),
    Group(
      .needless, "The bounds of HTTP/2 are fixed, nothing is pushed, and HTTP/3 is not available.",
      [
        Entry("http2_recv_buffer_size", .top, .size),
        Entry("http2_pool_size", .serverLevels, .size),
        Entry("http2_max_concurrent_streams", .serverLevels, .number),
        Entry("http2_max_concurrent_pushes", .serverLevels, .number),
        Entry("http2_max_requests", .serverLevels, .word),
        Entry("http2_max_field_size", .serverLevels, .word),
        Entry("http2_max_header_size", .serverLevels, .word),
        Entry("http2_body_preread_size", .serverLevels, .size),
        Entry("http2_streams_index_size", .serverLevels, .number),
        Entry("http2_recv_timeout", .serverLevels, .word),
        Entry("http2_idle_timeout", .serverLevels, .word),
        Entry("http2_chunk_size", .everyLevel, .size),
        Entry("http2_push_preload", .everyLevel, .flag),
        Entry("http2_push", .everyLevel, .word),
        Entry("http3_max_concurrent_streams", .serverLevels, .number),
        Entry("http3_max_concurrent_pushes", .serverLevels, .number),
        Entry("http3_stream_buffer_size", .serverLevels, .size),
        Entry("quic_gso", .serverLevels, .flag),
        Entry("quic_retry", .serverLevels, .flag),
        Entry("quic_host_key", .serverLevels, .word),
        Entry("quic_bpf", .main, .flag),
        Entry("quic_active_connection_id_limit", .serverLevels, .number),
      ]),
    Group(
      .needless, "Key exchange uses elliptic curves.",
      [
        Entry("ssl_dhparam", [.top, .server, .mail, .stream], .word)
      ]),
    Group(
      .needless, "Record sizes are chosen automatically.",
      [
        Entry("ssl_buffer_size", .serverLevels, .size)
      ]),
    Group(
      .warned,
      """
      Ticket keys are generated at startup and rotated: sessions established elsewhere are not \
      resumed.
      """,
      [
        Entry("ssl_session_ticket_key", [.top, .server, .mail, .stream], .word)
      ]),
    Group(
      .notDone, "Use `ssl_crl` to check client certificates.",
      [
        Entry("ssl_ocsp", .serverLevels, .flag, unless: ["off"])
      ]),
    Group(
      .needless, "It has no effect without `ssl_ocsp`.",
      [
        Entry("ssl_ocsp_responder", .serverLevels, .word),
        Entry("ssl_ocsp_cache", .serverLevels, .word),
      ]),
    Group(
      .warned, "Waybill queries no OCSP server: `ssl_stapling_file` provides a response.",
      [
        Entry("ssl_stapling", .serverLevels, .flag, unless: ["off"])
      ]),
    Group(
      .needless, "Waybill queries no OCSP server: `ssl_stapling_file` provides a response.",
      [
        Entry("ssl_stapling_responder", .serverLevels, .word),
        Entry("ssl_stapling_verify", .serverLevels, .flag),
      ]),
    Group(
      .warned, "Early data is refused because it can be replayed; clients send it again.",
      [
        Entry("ssl_early_data", .serverLevels, .flag, unless: ["off"])
      ]),
    Group(
      .warned, "Clients speak HTTP/1.1 and HTTP/2: HTTP/3 is not available in this version.",
      [
        Entry("http3", .serverLevels, .flag, unless: ["off"]),
        Entry("http3_hq", .serverLevels, .flag, unless: ["off"]),
      ]),
    Group(
      .notDone, "Not available in this version.",
      [
        Entry("ssl_key_log", .everyLevel, .word),
        Entry("ssl_ech_file", .serverLevels, .word),
      ]),
    Group(
      .needless, "Certificates are read at startup and on each reload.",
      [
        Entry("ssl_certificate_cache", .serverLevels, .words(1...4)),
        Entry("ssl_object_cache_inheritable", .main, .flag),
      ]),
    Group(
      .needless, "Certificates are sent uncompressed.",
      [
        Entry("ssl_certificate_compression", .serverLevels, .flag)
      ]),
    Group(
      .needless, "SPDY is obsolete.",
      [
        Entry("spdy_headers_comp", .serverLevels, .number)
      ]),
  ]
}
