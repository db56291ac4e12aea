// The limits and timeouts that apply to a request, as written in the conf file.

import Basics
import HTTP
import Plan
import Policy

enum LimitsExplanation {
  /// A directive a line; those that concern a backend only where one is asked.
  static func lines(_ server: ServerPlan, _ location: LocationPlan) -> [String] {
    var lines = [
      "client_header_timeout \(text(server.headerTimeout))",
      "client_body_timeout \(text(location.bodyTimeout))",
      "client_max_body_size \(location.maximumContentBytes)",
      "send_timeout \(text(location.clientSendTimeout))",
      "keepalive_timeout \(text(location.keepaliveTimeout))",
    ]
    guard location.contentAction == .proxy else { return lines }
    lines += [
      "proxy_connect_timeout \(text(location.connectTimeout))",
      "proxy_send_timeout \(text(location.sendTimeout))",
      "proxy_read_timeout \(text(location.readTimeout))",
      "proxy_next_upstream_tries \(location.retry.maximumTries)",
    ]
    return lines
  }

  private static func text(_ interval: Interval) -> String {
    if interval == .endless { return "off" }
    let milliseconds = interval.nanoseconds / 1_000_000
    return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000)s" : "\(milliseconds)ms"
  }
}
