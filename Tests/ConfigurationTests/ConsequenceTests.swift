import Configuration
import Testing

/// One mistake is one error: what is missing because of it is none besides.
struct ConsequenceTests {
  private func errors(_ text: String) -> [String] {
    Compiling().compile(text).diagnostics.map(\.message)
  }

  @Test(arguments: [
    ("upstream u { server 1.2.3.4:99999; }", "proxy_pass http://u;"),
    ("upstream u { server 1.2.3.4:99999; server 10.0.0.1 backup; }", "proxy_pass http://u;"),
    ("upstream u more { server 10.0.0.1; }", "proxy_pass http://u;"),
    ("upsteam u { server 10.0.0.1; }", "proxy_pass http://u;"),
    ("upstream u { server http://10.0.0.1; }", "proxy_pass http://u;"),
    ("limit_req_zone $uri zone=z:1m rate=1r/x;", "limit_req zone=z; return 204;"),
    ("limit_req_zone $uri zone=z:1 rate=1r/s;", "limit_req zone=z; return 204;"),
    ("limit_req_zone $uri zone=z:1m;", "limit_req zone=z; return 204;"),
    ("limit_req_zone $ zone=z:1m rate=1r/s;", "limit_req zone=z; return 204;"),
    ("limit_rq_zone $uri zone=z:1m rate=1r/s;", "limit_req zone=z; return 204;"),
    ("limit_conn_zone $uri zone=z:0;", "limit_conn z 1; return 204;"),
    ("log_format f;", "access_log /l f; return 204;"),
    ("log_format f '$';", "access_log /l f; return 204;"),
    ("map $uri m { a b; }", "return 200 $m;"), ("map $uri $n { a b c; }", "return 200 $n;"),
    ("map $m { a b; }", "return 200 $m;"), ("geo { default x; }", "return 204;"),
    ("geo $uri $m $n { default x; }", "return 200 $n;"),
    ("split_clients $m { * x; }", "return 200 $m;"),
    ("", "set $q; return 200 $q;"), ("", "set q 1; return 200 $q;"),
    ("", "auth_request_set $q; return 200 $q;"),
    ("", "if ($uri ~ (?<part>[) { } return 200 $part;"),
    ("", "rewrite ^/(?<part>.*$ /x; return 200 $part;"),
    ("include missing.conf;", "proxy_pass http://u; limit_req zone=z; add_header X $v;"),
  ])
  func oneErrorForOneMistake(top: String, location: String) {
    let found = errors("\(top)\nserver { location / { \(location) } }")
    #expect(found.count == 1, "\(found)")
  }

  @Test(arguments: [
    "ssl_certificate; ssl_certificate_key k.pem;", "ssl_certifcate c.pem;",
  ])
  func aCertificateWithAnError(text: String) {
    let found = errors("server { listen 443 ssl; \(text) location / { return 204; } }")
    #expect(!found.contains { $0.contains("the server has no certificate") })
  }

  /// What has nothing to do with a mistake is an error as before.
  @Test(arguments: [
    ("log_format f; ", "limit_req zone=z; return 204;"), ("", "return 200 $q;"),
    ("map $uri $m { a b c; }", "return 200 $q;"),
    ("upstream v { server 1.2.3.4:99999; }", "proxy_pass http://u;"),
    ("limit_req_zone $uri zone=y:1 rate=1r/s;", "limit_req zone=z; return 204;"),
  ])
  func otherMistakesAreErrors(top: String, location: String) {
    let found = errors("\(top)\nserver { location / { \(location) } }")
    #expect(found.count == (top.isEmpty ? 1 : 2))
  }

  @Test func anUpstreamWithoutServers() {
    #expect(
      errors("upstream u { } server { location / { proxy_pass http://u; } }")
        == ["the upstream \"u\" has no servers"])
  }
}
