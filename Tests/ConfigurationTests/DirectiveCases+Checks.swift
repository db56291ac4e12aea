import Basics
import HTTP
import Plan
import Policy
import Telemetry
import Testing

@testable import Configuration

/// `health_check` and `match`.
extension DirectiveCases {
  static let checks: [Case] = [
    Case("upstream", "server 1.2.3.4; health_check;"),
    Case(
      "upstream",
      "server 1.2.3.4; health_check uri=/up?x=1 interval=1s jitter=100ms fails=3 passes=2 port=81"
        + " timeout=2s type=http host=a mandatory persistent;"),
    Case("upstream", "server 1.2.3.4; health_check type=tcp; health_check uri=/;"),
    Case(
      "upstream", "server 1.2.3.4; health_check type=tcp uri=/;",
      "a check of type tcp has no request"),
    Case(
      "upstream", "server 1.2.3.4; health_check type=grpc;",
      "checks of type grpc are not supported yet"),
    Case("upstream", "server 1.2.3.4; health_check type=udp;", "invalid type \"udp\""),
    Case("upstream", "server 1.2.3.4; health_check uri=up;", "invalid path \"up\""),
    Case("upstream", "server 1.2.3.4; health_check host=;", "invalid host \"\""),
    Case("upstream", "server 1.2.3.4; health_check interval=0;", "the time must be longer than 0"),
    Case("upstream", "server 1.2.3.4; health_check fails=0;", "invalid number \"0\""),
    Case("upstream", "server 1.2.3.4; health_check port=70000;", "invalid number \"70000\""),
    Case(
      "upstream", "server 1.2.3.4; health_check mandatroy;",
      "invalid parameter \"mandatroy\""),
    Case(
      "upstream", "server 1.2.3.4; health_check keepalive_time=1m;",
      "\"keepalive_time\" is an nginx parameter that Waybill does not support: each check makes a"
        + " connection of its own"),
    Case(
      "upstream", "server 1.2.3.4; health_check match=none;",
      "the match \"none\" is not declared"),
    Case(
      "location", "proxy_pass http://1.2.3.4; health_check uri=/;",
      "\"health_check\" needs a proxy_pass to an upstream in the same location"),
    Case(
      "location", "return 204; health_check;",
      "\"health_check\" needs a proxy_pass to an upstream in the same location"),
    Case(
      "top",
      "upstream app { server 1.2.3.4; } server { listen 2; location / { proxy_pass http://app;"
        + " health_check uri=/; } }"),
    Case(
      "top",
      "match a { status 200-399 404; header X; header ! Y; header Z = 1; header Z != 2;"
        + " header Z ~* ^a; header Z !~ b; body ~ ok; body !~* no; }"),
    Case("top", "match a { status ! 500-599; }"),
    Case("top", "match a { } match a { }", "the match \"a\" is already declared at line 1"),
    Case("top", "match a { status 99; }", "invalid status \"99\""),
    Case("top", "match a { status 300-200; }", "invalid status \"300-200\""),
    Case("top", "match a { status; }", "\"status\" needs a status"),
    Case("top", "match a { status 200; status 201; }", "\"status\" is already set at line 1"),
    Case("top", "match a { header X is 1; }", "invalid \"header\""),
    Case(
      "top", "match a { header X ~ [; }",
      "invalid regular expression \"[\": missing terminating ] for character class"),
    Case("top", "match a { body = ok; }", "invalid \"body\""),
    Case("top", "match a { expect ok; }", "\"expect\" is not known in a \"match\""),
  ]
}
