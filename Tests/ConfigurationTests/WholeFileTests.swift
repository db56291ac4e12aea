import Basics
import Configuration
import HTTP
import Plan
import Testing

/// What only several servers or several files together can get wrong.
struct WholeFileTests {
  /// Servers that hide each other, or contradict each other about an address.
  @Test(arguments: [
    (
      "server { listen 1; server_name a; return 204; }\n"
        + "server { listen 1; server_name a; return 204; }",
      "warning: conflicting server name \"a\" on 0.0.0.0:1, ignored"
    ),
    (
      "server { listen 1 default_server; return 204; }\nserver { listen 1 default; return 204; }",
      "error: 0.0.0.0:1 already has a default server, at line 1"
    ),
    (
      "server { listen 1 backlog=5; return 204; }\nserver { listen 1 backlog=6; return 204; }",
      "error: 0.0.0.0:1 has a different backlog at line 1"
    ),
    (
      "upstream app { server 1.1.1.1; }\nserver { location / { proxy_pass http://app:1; } }",
      "error: the upstream \"app\" defines its own ports"
    ),
    (
      "upstream backend { server 1.1.1.1; }\nserver { location / { proxy_pass http://backnd; } }",
      "error: host \"backnd\" can't be resolved: Name or service not known"
    ),
    (
      "proxy_set_header X-Trace a; server {\nrequest_id_header X-Trace; return 204; }",
      "error: \"X-Trace\" carries the request ID: Waybill sets it itself"
    ),
    (
      "server { server_name ''; return 204; }\nserver { server_name ''; return 204; }",
      "warning: conflicting server name \"\" on 0.0.0.0:80, ignored"
    ),
    (
      "server { listen 1; }",
      "warning: the server has no location, return or root: all requests get 404"
    ),
  ]) func contradictions(_ text: String, _ message: String) {
    let found = Compiling().compile(text).diagnostics.map { "\($0.severity): \($0.message)" }
    #expect(found == [message])
  }

  /// A server without a usable `listen` is at the usual address for want of a better one: what
  /// would follow from that is not said.
  @Test func errorsHaveNoFollowUps() {
    let server = "server { listen 1.2.3.4:x; server_name a; return 204; }\n"
    let found = Compiling().compile(server + server).diagnostics
    #expect(found.count == 2 && found.allSatisfy { $0.severity == .error })
  }

  /// The nearest upstream is offered, as for directives.
  @Test func unknownUpstreamIsSuggested() {
    let compiled = Compiling().compile(
      "upstream backend { server 1.1.1.1; }\nserver { location / { proxy_pass http://backnd; } }")
    #expect(compiled.diagnostics[0].suggestion == "backend")
    #expect(compiled.diagnostics[0].column == 41 && compiled.diagnostics[0].length == 6)
  }

  /// Included text stands where the directive stands, and errors name the included file.
  @Test func includes() throws {
    var compiling = Compiling()
    compiling.files = [
      "/etc/w/conf.d/b.conf": "server { listen 2; return 202; }",
      "/etc/w/conf.d/a.conf": "server { listen 1; include ../common; }",
      "/etc/w/conf.d/../common": "location / { return 201; }",
    ]
    let good = compiling.compile("include conf.d/*.conf;", path: "/etc/w/proxy.conf")
    #expect(good.diagnostics.map { $0.render() } == [])
    #expect(good.plan?.tables.servers.count == 2)
    #expect(good.plan?.tables.listeners[0].address.port == 1)

    compiling.files["/etc/w/conf.d/../common"] = "\nretrun 201;"
    let bad = compiling.compile("include conf.d/*.conf;", path: "/etc/w/proxy.conf")
    #expect(bad.plan == nil)
    #expect(bad.diagnostics.map(\.file) == ["/etc/w/conf.d/../common"])
    #expect(bad.diagnostics.first?.line == 2)
    #expect(bad.diagnostics.first?.suggestion == "return")
  }

  /// A file that includes itself, at once or on a detour, must not be read for ever.
  @Test func includeLoops() {
    var compiling = Compiling()
    compiling.files = ["a": "include b;", "b": "include a;"]
    let loop = compiling.compile("include a;\nserver { return 204; }")
    #expect(loop.diagnostics.map(\.message) == ["\"a\" includes itself"])
    compiling.files = Dictionary(
      uniqueKeysWithValues: (0..<40).map { ("f\($0)", "include f\($0 + 1);") })
    let deep = compiling.compile("include f0;\nserver { return 204; }")
    #expect(deep.diagnostics.map(\.message) == ["files are included more than 16 deep"])
    let itself = compiling.compile("include proxy.conf;\nserver { return 204; }")
    #expect(itself.diagnostics.map(\.message) == ["\"proxy.conf\" includes itself"])
  }

  /// Blocks nested without end must not exhaust the stack.
  @Test func deepNesting() {
    let open = String(repeating: "server {", count: 100_000)
    #expect(Compiling().compile(open).plan == nil)
    #expect(Compiling().compile(String(repeating: "{", count: 100_000)).plan == nil)
  }

  /// Files and words beyond all measure are refused, not chewed on.
  @Test func sizes() {
    let big = [UInt8](repeating: 0x0A, count: 16 * 1024 * 1024 + 1)
    #expect(
      Compiling().compile(bytes: big).diagnostics.map(\.message) == [
        "\"proxy.conf\" is larger than 16 MB"
      ])
    let word = String(repeating: "x", count: 70_000)
    let long = Compiling().compile("server { return 200 \(word); }")
    #expect(long.diagnostics.map(\.message) == ["the word is longer than 65536 bytes"])
  }

  /// Bytes that are no text.
  @Test func invalidText() {
    let bytes = Array("server { return 200 '".utf8) + [0xFF] + Array("'; }".utf8)
    let compiled = Compiling().compile(bytes: bytes)
    #expect(compiled.diagnostics.map(\.message) == ["the word is not valid UTF-8"])
    let comment = Array("# ".utf8) + [0xFF] + Array("\nserver { return 204; }".utf8)
    #expect(Compiling().compile(bytes: comment).diagnostics.isEmpty)
  }
}

/// Reloads must not stand still for a configuration as large as they come.
struct LargeFileTests {
  @Test(.timeLimit(.minutes(4))) func manyServersAndLocations() throws {
    var text = "access_log stdout combined;\n"
    for server in 0..<500 {
      text += "upstream u\(server) { server 10.1.\(server / 250).\(server % 250):80; }\n"
      text += "server { listen 80; server_name s\(server).example;\n"
      for location in 0..<20 {
        text += "location /p\(location)/ { proxy_pass http://u\(server); }\n"
      }
      text += "}\n"
    }
    text += "server { listen 81;\n"
    for location in 0..<5000 { text += "location /p\(location)/ { return 204; }\n" }
    let tables = try plan(text + "}").tables
    #expect(tables.servers.count == 501 && tables.upstreams.count == 500)
    // Each location, each server's fallback, and the redirect to each proxied location's slash.
    #expect(tables.locations.count == 500 * 20 * 2 + 500 + 5001)
  }
}
