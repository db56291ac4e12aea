/// Where the client's address comes from when another proxy stands in front.
extension DirectiveCatalog {
  static let realIP: [Directive] = [
    Directive(
      "set_real_ip_from", in: .everyLevel, "ADDRESS | CIDR | unix:", isRepeatable: true,
      """
      A proxy that is believed: the client's address is taken from the header that \
      `real_ip_header` names, and the forwarded fields that it sends are kept and continued. \
      Those of all other peers are discarded. The lines of an inner level replace those of the \
      outer one. In a location they hold where no server has named a client \
      already, and behind the choice of the request ID.
      """
    ) { builder, use in
      guard let added = builder.trust(use.arguments, allowsWords: false) else { return }
      // Added to in place: a copy for each line would cost their number squared.
      builder.settings.realIP.trust = builder.settings.realIP.trust ?? TrustSetting()
      if added.includesUnix { builder.settings.realIP.trust?.includesUnix = true }
      builder.settings.realIP.trust?.networks += added.networks
      builder.settings.realIP.trust?.ranges += added.ranges
    },
    Directive(
      "real_ip_header", in: .everyLevel, "NAME | X-Forwarded-For | proxy_protocol",
      default: "X-Real-IP",
      """
      The source of the client's address: a header with one address, `X-Forwarded-For` (the last \
      address in the list, see `real_ip_recursive`), or the PROXY protocol header.
      """
    ) { builder, use in
      let word = use.arguments[0]
      guard let name = builder.fieldName(word) else { return }
      let header: RealIPHeaderSetting
      switch name.lowercased() {
      case "x-forwarded-for": header = .xForwardedFor
      case "proxy_protocol": header = .proxyProtocol
      default: header = .field(name.lowercased())
      }
      builder.settings.realIP.header = header
    },
    .flag(
      "real_ip_recursive", in: .everyLevel, default: "off", \.realIP.isRecursive,
      """
      `on`: the client is the last address in `X-Forwarded-For` that is not in `set_real_ip_from`; \
      `off`: the last address.
      """),
  ]
}
