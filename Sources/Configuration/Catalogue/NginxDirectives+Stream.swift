/// Streams of TCP and UDP: what nginx has and Waybill does not do as such.
extension NginxDirectives {
  static let stream: [Group] = [
    Group(
      .notDone, "Waybill proxies HTTP, not TCP or UDP streams.",
      [
        Entry("stream", .main, .block(0...0)),
        Entry("proxy_protocol_timeout", .stream, .word),
        Entry("preread_buffer_size", .stream, .word),
        Entry("preread_timeout", .stream, .word),
        Entry("proxy_downstream_buffer", .stream, .word),
        Entry("proxy_upstream_buffer", .stream, .word),
        Entry("proxy_upload_rate", .stream, .word),
        Entry("proxy_download_rate", .stream, .word),
        Entry("proxy_requests", .stream, .word),
        Entry("proxy_responses", .stream, .word),
        Entry("proxy_half_close", .stream, .flag),
        Entry("proxy_ssl", .stream, .flag),
        Entry("ssl_handshake_timeout", .stream, .word),
        Entry("ssl_alpn", .stream, .words(.atLeast(1))),
        Entry("ssl_preread", .stream, .flag),
      ])
  ]
}
