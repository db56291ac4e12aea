/// Mail: what nginx has and Waybill does not do as such.
extension NginxDirectives {
  static let mail: [Group] = [
    Group(
      .notDone, "Waybill proxies HTTP, not mail.",
      [
        Entry("mail", .main, .block(0...0)),
        Entry("protocol", .mail, .word),
        Entry("timeout", .mail, .word),
        Entry("max_errors", .mail, .word),
        Entry("starttls", .mail, .word),
        Entry("pop3_capabilities", .mail, .words(.atLeast(1))),
        Entry("pop3_auth", .mail, .words(.atLeast(1))),
        Entry("imap_client_buffer", .mail, .word),
        Entry("imap_capabilities", .mail, .words(.atLeast(1))),
        Entry("imap_auth", .mail, .words(.atLeast(1))),
        Entry("smtp_client_buffer", .mail, .word),
        Entry("smtp_greeting_delay", .mail, .word),
        Entry("smtp_capabilities", .mail, .words(.atLeast(1))),
        Entry("smtp_auth", .mail, .words(.atLeast(1))),
        Entry("auth_http", .mail, .word),
        Entry("auth_http_timeout", .mail, .word),
        Entry("auth_http_header", .mail, .words(2...2)),
        Entry("auth_http_pass_client_cert", .mail, .flag),
        Entry("proxy", .mail, .flag),
        Entry("proxy_buffer", .mail, .word),
        Entry("proxy_timeout", [.mail, .stream], .word),
        Entry("proxy_pass_error_message", .mail, .flag),
        Entry("xclient", .mail, .flag),
        Entry("proxy_smtp_auth", .mail, .flag),
        Entry("proxy_protocol", [.mail, .stream], .flag),
      ])
  ]
}
