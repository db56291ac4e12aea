import Basics
import Configuration
import HTTP
import Plan
import Policy
import Telemetry
import Testing

/// Files that were written for nginx.
struct NginxFileTests {
  private static let whole = """
    user www-data;
    worker_processes 3;
    pid /run/nginx.pid;
    error_log /var/log/nginx/error.log warn;
    worker_rlimit_nofile 65535;
    events {
      use epoll;
      multi_accept on;
      worker_connections 768;
    }
    http {
      sendfile on;
      tcp_nopush on;
      types_hash_max_size 2048;
      keepalive_timeout 65 60;
      upstream app { server 10.0.0.1:1; keepalive 4; }
      server {
        listen 80 default_server deferred;
        listen [::]:80 default_server ipv6only=on reuseport so_keepalive=30m::10 fastopen=256;
        location / { proxy_pass http://app; }
        location /other { proxy_pass http://app; proxy_set_header X-A b; }
      }
    }

    """

  @Test func wholeFile() throws {
    let compiled = Compiling().compile(Self.whole)
    #expect(compiled.diagnostics.map { $0.render() } == [])
    let plan = try #require(compiled.plan)
    #expect(plan.process.workerThreads == 3 && plan.process.user == "www-data")
    #expect(plan.process.pidPath == "/run/nginx.pid")
    #expect(plan.tables.workerConnections == 768)
    #expect(plan.tables.listeners.count == 2)
    #expect(plan.tables.locations[1].keepaliveTimeout == .seconds(65))
    #expect(compiled.needless["sendfile"] == 1 && compiled.needless["multi_accept"] == 1)
    // error_log of the main level holds in http.
    #expect(
      plan.tables.sinks[plan.tables.errorLogs[0].sink].path.text == "/var/log/nginx/error.log")
  }

  /// In such a file nginx's defaults hold.
  @Test func defaults() throws {
    let tables = try plan(Self.whole).tables
    for index in 1...2 {
      let location = tables.locations[index]
      #expect(location.maximumContentBytes == 1024 * 1024)
      #expect(location.redirect.isAbsolute)
      let fields = location.requestFields
      #expect(fields.indices.contains { fields[$0].known == .host })
    }
    let own = try plan("server { location / { proxy_pass http://app; } }").tables.locations[1]
    #expect(own.maximumContentBytes == 0 && !own.redirect.isAbsolute && own.requestFields.isEmpty)
    let asked = try plan("nginx_defaults on; server { location / { return 204; } }").tables
    #expect(asked.locations[1].maximumContentBytes == 1024 * 1024)
  }

  /// A list of an inner level takes the place of the outer one, or is added to it.
  @Test(arguments: [("on", 1), ("off", 2)]) func inheritance(_ mode: String, _ count: Int) throws {
    let text = """
      nginx_defaults \(mode);
      add_header X-A a; proxy_set_header X-A a; proxy_hide_header X-A; proxy_set_header Host h;
      server {
        listen 1;
        location /one { return 204; }
        location /two {
          add_header X-B b; proxy_set_header X-B b; proxy_hide_header X-B;
          return 204;
        }
      }
      """
    let tables = try plan(text).tables
    #expect(tables.locations[1].responseFields.count == 1)
    #expect(tables.locations[1].requestFields.count == 2)
    #expect(tables.locations[2].responseFields.count == count)
    // nginx hides three fields besides.
    #expect(tables.locations[2].hiddenFields.count == (mode == "on" ? 4 : 2))
    #expect(tables.locations[2].requestFields.count == (mode == "on" ? 1 : 3))
  }

  /// nginx does not check backends' certificates: that is said, and can be settled.
  @Test func backendCertificates() {
    let text = "nginx_defaults on; server { location / { PASS } }"
    func messages(_ pass: String) -> [String] {
      Compiling().compile(text.replacing("PASS", with: pass)).diagnostics.map(\.message)
    }
    let warning = "the backend's certificate is not verified, which is nginx's default"
    #expect(messages("proxy_pass https://app;") == [warning])
    #expect(messages("proxy_ssl_verify off; proxy_pass https://app;") == [])
    #expect(messages("proxy_pass http://app;") == [])
  }

  /// What belongs into `http` does not stand beside it, and the other way round.
  @Test(arguments: [
    (
      "server { return 204; }\nhttp { }",
      "\"server\" is outside the \"http\" block at line 2"
    ),
    ("http { }\nmap $a $b { }", "\"map\" is outside the \"http\" block at line 1"),
    ("http { user nobody; server { return 204; } }", "\"user\" is not allowed in \"http\""),
    ("http { events { } server { return 204; } }", "\"events\" is not allowed in \"http\""),
    ("events { server { } }\nserver { return 204; }", "\"server\" is not allowed in \"events\""),
    ("http { server { return 204; } }\nhttp { }", "\"http\" is already set at line 1"),
    ("http { lisen 80; server { return 204; } }", "unknown directive \"lisen\""),
  ]) func misplaced(_ text: String, _ message: String) {
    #expect(Compiling().compile(text).diagnostics.map(\.message).contains(message))
  }

  /// Relative paths are looked for beside the main file first, as nginx does.
  @Test func relativePaths() throws {
    var compiling = Compiling()
    compiling.files = [
      "/etc/nginx/sites/a.conf": "server { listen 1; include snippets/one; include two; }",
      "/etc/nginx/snippets/one": "location /one { return 204; }",
      "/etc/nginx/two": "location /two { return 204; }",
      "/etc/nginx/other/two": "location /wrong { return 204; }",
      "/etc/nginx/other/three": "location /three { return 204; }",
      "/etc/nginx/other/b.conf": "server { listen 2; include two; include three; include four/*; }",
      "/etc/nginx/other/four/x": "location /four { return 204; }",
    ]
    let main = "events { } http { include sites/*.conf; include other/b.conf; }"
    let compiled = compiling.compile(main, path: "/etc/nginx/nginx.conf")
    #expect(compiled.diagnostics.map { $0.render() } == [])
    let titles = compiled.locationPlaces.map(\.title)
    for path in ["/one", "/two", "/three", "/four"] {
      #expect(titles.contains("location \(path)"))
    }
    #expect(!titles.contains("location /wrong"))
  }

  /// Quotes, escapes and braces as nginx reads them.
  @Test func words() throws {
    let text = """
      server {
        listen 1;
        location /a { return 200 'a;}{ # "b" \\'c\\''; }
        location /b { return 200 "one
      two"; }
        location /c { return 200 ${host}x$uri#y; }
        location "/d;{" { return 200 a\\;b\\.c; }
        location /e
        {
          return
            204;
        }
      }
      """
    let tables = try plan(text).tables
    let texts = (1...4).map { tables.locations[$0].answerText.parts[0].text.text }
    #expect(texts[0] == "a;}{ # \"b\" 'c'" && texts[1] == "one\ntwo")
    #expect(tables.locations[3].answerText.parts.count == 4)
    #expect(texts[3] == "a\\;b\\.c")
  }

  /// Ranges of ports, IPv6 for both, QUIC.
  @Test func listen() throws {
    let tables = try plan(
      "server { listen 8000-8002; listen 127.0.0.1:1-2; listen [::]:9 ipv6only=off; return 204; }"
    ).tables
    let listeners = (0..<6).map { tables.listeners[$0] }
    #expect(listeners.map(\.address.port) == [8000, 8001, 8002, 1, 2, 9])
    #expect(listeners.map(\.isDualStack) == [false, false, false, false, false, true])
    #expect(
      diagnostics("server { listen 9-8; return 204; }").contains("invalid range of ports"))
    #expect(
      diagnostics("server { listen 80 ipv6only=off; return 204; }").contains(
        "\"ipv6only\" has no effect on 0.0.0.0:80"))
    let both = Compiling().compile("server { listen 1 quic reuseport; listen 1; return 204; }")
    #expect(both.plan?.tables.listeners.count == 1 && both.diagnostics.count == 1)
    #expect(
      diagnostics("server { listen 1 quic; return 204; }").contains(
        "the server listens only for HTTP/3"))
    for wrong in ["so_keepalive=x", "rcvbuf=1q", "fastopen=-1", "backlog=0", "bond"] {
      #expect(Compiling().compile("server { listen 1 \(wrong); return 204; }").plan == nil)
    }
  }

  /// `ssl on` is `ssl` in each `listen`.
  @Test func sslOn() {
    let compiled = Compiling().compile("ssl on; server { listen 1; return 204; }")
    #expect(compiled.diagnostics.map(\.message).contains { $0.contains("uses TLS") })
  }

  /// A server that is listed twice has two shares.
  @Test func serverTwice() throws {
    let tables = try plan(
      "upstream u { server 1.1.1.1; server 2.2.2.2; server 1.1.1.1 weight=2; }\n"
        + "server { location / { proxy_pass http://u; } }"
    ).tables
    let peers = tables.upstreams[0].peers
    #expect(peers.count == 2 && peers[0].weight == 3 && peers[1].weight == 1)
  }

  /// Each reliance on a default that differs is found, and settled by what is proposed.
  @Test func differences() throws {
    let compiled = Compiling().compile(
      "server { listen 1;\nlocation / { proxy_pass https://app; } }")
    let names = Set(compiled.differences.map(\.directive))
    #expect(
      names.isSuperset(of: [
        "proxy_set_header Host", "client_max_body_size", "proxy_ssl_verify",
        "access_log", "error_log", "worker_processes",
      ]))
    let host = try #require(compiled.differences.first { $0.directive == "proxy_set_header Host" })
    #expect(host.source == "proxy.conf:2")
    var text = ""
    for difference in compiled.differences where !difference.settledBy.hasPrefix("worker_") {
      text += difference.settledBy + "\n"
    }
    let settled = Compiling().compile(
      "worker_processes auto; worker_connections 16384; worker_shutdown_timeout 30s;\n\(text)"
        + "server { listen 1; location / { proxy_pass https://app; } }")
    #expect(settled.differences == [])
    // The machine that the test runs on may have no file of authorities.
    let errors = settled.diagnostics.filter {
      $0.severity == .error && !$0.message.contains("CA certificates")
    }
    #expect(errors.map { $0.render() } == [])
  }
}
