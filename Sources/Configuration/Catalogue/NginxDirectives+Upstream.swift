/// Upstreams: what nginx has and Waybill does not do as such.
extension NginxDirectives {
  static let upstream: [Group] = [
    Group(
      .notDone, "It is not available in this version.",
      [
        Entry("sticky", .upstream, .words(.atLeast(1))),
        Entry("sticky_cookie_insert", .upstream, .words(.atLeast(1))),
        Entry("queue", .upstream, .words(1...2)),
        Entry("least_time", .upstream, .words(1...2)),
        Entry("ntlm", .upstream, .none),
        Entry("state", .upstream, .word),
      ])
  ]
}
