import Scenarios
import Simulation
import Testing

/// What regular expressions decide, and what is left of their groups.
struct ExpressionTests {
  private func answer(
    _ server: String, _ path: String, host: String = "a", top: String = ""
  ) throws -> WireMessage {
    let bed = try EngineBed(server, top: top)
    bed.backend(.answering(ok("a", "X-Theirs: their-value\r\n")))
    let request = "GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n"
    let client = bed.client([.send(request), .awaitResponse])
    bed.finish(requests: 1)
    return try #require(bed.record(client).messages.first)
  }

  static let levels = """
    location = /a/exact { add_header X-L exact; return 204; }
    location /a/ {
      add_header X-L a; return 204;
      location /a/b/ { location ~ x$ { add_header X-L a-b-x; return 204; }
        add_header X-L a-b; return 204; }
      location ^~ /a/c/ { add_header X-L a-c; return 204; }
      location = /a/exact { add_header X-L hidden; return 204; }
      location /a/long/er { add_header X-L hidden; return 204; }
      location ~ y$ { add_header X-L a-y; return 204;
        location ~ yy$ { add_header X-L a-yy; return 204; } }
    }
    location /a/long/ { add_header X-L long; return 204; }
    location ^~ /f/ { add_header X-L f; return 204;
      location ~ i$ { add_header X-L f-i; return 204; } }
    location ~ [xyz]$ { add_header X-L outer; return 204; }
    location ~* Z { add_header X-L later; return 204; }
    """

  /// Innermost first, level by level outwards; `^~` closes its own level only.
  @Test(arguments: [
    ("/a/exact", "exact"), ("/a/q", "a"), ("/a/b/q", "a-b"), ("/a/b/x", "a-b-x"),
    ("/a/b/y", "a-y"), ("/a/b/yy", "a-yy"), ("/a/b/z", "outer"), ("/a/c/y", "outer"),
    ("/a/c/q", "a-c"), ("/a/long/er", "long"), ("/a/long/y", "outer"), ("/f/x", "f"),
    ("/f/i", "f-i"), ("/x", "outer"), ("/zq", "later"), ("/%41/../A/Z%71", "later"),
  ])
  func levels(_ path: String, _ location: String) throws {
    #expect(try answer(Self.levels, path).values(of: "x-l") == [location])
  }

  @Test func nothingMatches() throws {
    #expect(try answer(Self.levels, "/q").status == 404)
  }

  /// Groups of the host and the path, beside fields of the response.
  @Test func groups() throws {
    let server = """
      server_name ~^(?<site>[a-z]+)\\.(b|c)$;
      location ~ ^/(?<page>[^/]+)/(.*)$ {
        add_header X-All "$site $page $1 $2 $3 $upstream_http_x_theirs";
        proxy_set_header X-Page $page;
        proxy_pass http://10.0.0.1:8000;
      }
      location / { add_header X-All $site$page$1$2; return 204; }
      """
    let message = try answer(server, "/p%20q/rest", host: "Shop.C.")
    #expect(message.values(of: "x-all") == ["shop p q p q rest  their-value"])
    #expect(try answer(server, "/p", host: "shop.c").values(of: "x-all") == ["shopshopc"])
    #expect(try answer(server, "/p", host: "other").values(of: "x-all") == [])
  }

  /// A path that a small buffer does not hold is kept, too.
  @Test func longGroups() throws {
    let server = """
      large_client_header_buffers 4 48k;
      location ~ ^/(x+)(y)$ {
        add_header X-Y $2$upstream_http_x_theirs;
        proxy_pass http://10.0.0.1:8000;
      }
      """
    let path = "/" + String(repeating: "x", count: 20_000) + "y"
    let message = try answer(server, path, top: "log_value_length 64k;")
    #expect(message.values(of: "x-y") == ["ytheir-value"])
  }

  /// Whoever can't be told to be served gets a 500 with an ID, and a line that has it.
  @Test(arguments: ["location ~ ^/(x+)+$ { return 204; }", "server_name ~^(x+)+$; return 204;"])
  func exhaustion(_ server: String) throws {
    let bed = try EngineBed(server)
    let path = "/" + String(repeating: "x", count: 100) + "!"
    let host = String(repeating: "x", count: 100) + "y"
    let request = "GET \(path) HTTP/1.1\r\nHost: \(host)\r\nX-Request-ID: mine-1\r\n\r\n"
    let client = bed.client([.send(request), .awaitResponse])
    bed.finish(requests: 1)
    let message = try #require(bed.record(client).messages.first)
    #expect(message.status == 500 && message.values(of: "x-request-id") == ["mine-1"])
    let words = "took too many steps"
    #expect(bed.errors.contains { $0.contains("[req-mine-1]") && $0.contains(words) })
  }
}
