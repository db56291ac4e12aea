import Basics
import HTTP
import Plan
import Policy
import Telemetry
import Testing

@testable import Configuration

/// `resolver`, `resolver_timeout`, `server ... resolve`.
extension DirectiveCases {
  static let nameLookups: [Case] = [
    Case("top", "resolver 127.0.0.11 valid=30s;"),
    Case("server", "resolver 8.8.8.8 [2001:4860:4860::8888] [2001:db8::1]:5353 ipv6=off;"),
    Case("location", "resolver app:53 1.1.1.1 status_zone=names ipv4=on; proxy_pass http://$host;"),
    Case("upstream", "server absent resolve; resolver 127.0.0.1:53; resolver_timeout 5s;"),
    Case("top", "resolver local=on ipv6=off;"),
    Case("top", "resolver absent;", "host \"absent\" can't be resolved: Name or service not known"),
    Case("top", "resolver valid=10s;", "no name server is named"),
    Case("top", "resolver 1.1.1.1 valid=0;", "the time must be longer than 0"),
    Case("top", "resolver 1.1.1.1 valid=soon;", "invalid time \"soon\""),
    Case("top", "resolver 1.1.1.1 ipv6=of;", "invalid value \"of\""),
    Case("top", "resolver 1.1.1.1 vlid=1s;", "invalid parameter \"vlid=1s\""),
    Case("top", "resolver 1.1.1.1:0;", "invalid port \"0\" in \"1.1.1.1:0\""),
    Case("top", "resolver *;", "\"*\" is not the address of a name server"),
    Case("top", "resolver 1.1.1.1 ipv4=off ipv6=off;", "\"ipv4\" and \"ipv6\" can't both be off"),
    Case(
      "top", "resolver 1.1.1.1 local=on;",
      "\"local=on\" can't stand beside addresses of name servers"),
    Case("server", "resolver_timeout 5s;"),
    Case("server", "resolver_timeout 0;", "the time must be longer than 0"),
    Case("upstream", "server absent:8080 resolve weight=2 max_fails=0; server 1.2.3.4 resolve;"),
    Case("upstream", "server absent resolve backup; server 1.2.3.4;"),
    Case("upstream", "server absent service=http resolve;"),
    Case("upstream", "server unix:/a resolve;"),
    Case(
      "upstream", "server absent;",
      "host \"absent\" can't be resolved: Name or service not known"),
    Case(
      "upstream", "server absent resolve backup;",
      "all servers of the upstream \"up\" are backups"),
    Case(
      "upstream", "server absent service=http; server 1.2.3.4;", "\"service\" needs \"resolve\""),
    Case(
      "upstream", "server absent:80 service=http resolve; server 1.2.3.4;",
      "a server with \"service\" has no port: SRV records name the ports"),
    Case(
      "upstream", "server 1.2.3.4 service=http resolve; server 1.2.3.4;",
      "an address has no SRV records"),
    Case(
      "upstream", "server absent service= resolve; server 1.2.3.4;", "invalid service \"\""),
    Case(
      "upstream", "server http://absent resolve; server 1.2.3.4;",
      "a server in an upstream is an address, not a URL"),
    Case(
      "upstream", "server absent resolve wieght=2; server 1.2.3.4;",
      "invalid parameter \"wieght=2\""),
  ]
}

/// What the plan says of names.
struct NamePlanTests {
  @Test func resolversAreInheritedAndSharedByLevels() throws {
    let plan = try plan(
      """
      resolver 1.1.1.1 valid=5s; resolver_timeout 3s;
      upstream one { server App.Example resolve; server 10.0.0.1; }
      upstream two { resolver 2.2.2.2:5353 ipv6=off; server x.test service=http resolve; }
      server {
        listen 1;
        location / { proxy_pass http://$host; }
        location /own {
          resolver 2.2.2.2:5353 ipv6=off; resolver_timeout 9s; proxy_pass http://$host;
        }
        location /one { proxy_pass http://one; }
        location /two { proxy_pass http://two; }
      }
      """)
    let tables = plan.tables
    #expect(tables.usesNames && tables.resolvers.count == 3)
    let (one, two) = (tables.upstreams[0].resolved[0], tables.upstreams[1].resolved[0])
    #expect(one.name.text == "app.example" && one.port == 80 && one.timeout == .seconds(3))
    #expect(two.name.text == "_http._tcp.x.test" && two.isService && two.port == 0)
    let resolver = tables.resolvers[one.resolver]
    #expect(resolver.validity == .seconds(5) && resolver.usesIPv6)
    #expect(resolver.servers.count == 1 && resolver.servers[0].port == 53)
    #expect(tables.resolvers[two.resolver].servers[0].port == 5353)
    let passing = tables.locations.indices.map { tables.locations[$0] }
      .filter { !$0.passURL.isEmpty }
    #expect(Set(passing.map(\.resolver)) == [one.resolver, two.resolver])
    #expect(Set(passing.map(\.resolverTimeout)) == [.seconds(3), .seconds(9)])
  }

  @Test func aConfWithoutSuchNamesUsesNone() throws {
    let plan = try plan("resolver 1.1.1.1; server { listen 1; location / { return 204; } }")
    #expect(!plan.tables.usesNames && plan.tables.resolvers.count == 1)
  }
}
