import Basics
import Configuration
import HTTP
import Plan
import Policy
import Telemetry
import Testing

/// The values that reach the tables: merging of levels, defaults, tables of names and paths.
struct PlanTests {
  /// The location that a server's path leads to.
  static func location(_ tables: PlanTables, _ server: Int, _ path: String) -> LocationPlan {
    let bytes = Array(path.utf8)
    let plan = tables.servers[server]
    let found = plan.locationTable.find(bytes.span)
    return tables.locations[found < 0 ? ~found : found]
  }

  /// What holds where nothing is set.
  @Test func defaults() throws {
    let plan = try plan("server { location / { proxy_pass http://app; } }")
    let tables = plan.tables
    #expect(tables.listeners[0].address.port == 80)
    #expect(tables.listeners[0].backlog == 511)
    #expect(tables.workerConnections == 16_384)
    #expect(tables.shutdownTimeout == .seconds(30))
    #expect(plan.process.workerThreads == nil)
    #expect(!tables.usesLocalAddress)
    let server = tables.servers[0]
    #expect(server.headLimits.maximumLineBytes == 8192)
    #expect(server.headLimits.maximumHeadBytes == 32_768)
    #expect(server.headLimits.maximumFieldCount == 100)
    #expect(server.realIPHeader == .field && server.realIPField.text == "x-real-ip")
    let location = Self.location(tables, 0, "/")
    #expect(location.action == .proxy)
    #expect(location.readTimeout == .seconds(60) && location.keepaliveTimeout == .seconds(75))
    #expect(location.maximumContentBytes == 0 && location.keepaliveRequests == 1000)
    #expect(location.retry.conditions == [.error, .timeout])
    #expect(location.retry.timeout == .endless && location.ignoresClientAbort)
    #expect(location.requestID.header.text == "X-Request-ID")
    #expect(location.requestID.trust.includesAll && location.requestID.maximumLength == 128)
    #expect(location.accessLogs[0].format.kind == .json)
    #expect(tables.sinks[location.accessLogs[0].sink].destination == .stdout)
    #expect(location.errorLogs[0].level == .notice)
    #expect(tables.sinks[tables.errorLogs[0].sink].destination == .stderr)
  }

  /// An inner level overrides one request-ID directive and must keep the others.
  @Test func requestIDDirectivesAreInheritedOneByOne() throws {
    let tables = try plan(
      """
      request_id_header X-ID; request_id_format hex; request_id_trust 10.0.0.0/8 unix:;
      request_id_cors https://A.example;
      server {
        request_id generate; request_id_max_length 64;
        location / { return 204; }
        location /in { request_id_format ulid; request_id_invalid reject; request_id_cors off;
          return 204; }
      }
      """
    ).tables
    let outer = Self.location(tables, 0, "/").requestID
    let inner = Self.location(tables, 0, "/in").requestID
    let fallback = tables.locations[tables.servers[0].fallbackLocation].requestID
    for policy in [outer, inner, fallback] {
      #expect(policy.header.text == "X-ID" && policy.mode == .generate)
      #expect(policy.maximumLength == 64 && !policy.trust.includesAll)
      #expect(policy.trust.includesUnix && policy.trust.networks.count == 1)
    }
    #expect(outer.format == .hex && !outer.rejectsInvalid && outer.crossOrigin.isOn)
    #expect(outer.crossOrigin.origins[0].text == "https://a.example")
    #expect(inner.format == .ulid && inner.rejectsInvalid && !inner.crossOrigin.isOn)
  }

  /// Setting one header in a location must not drop those of the levels around it.
  @Test func headersMergeByName() throws {
    let tables = try plan(
      """
      proxy_set_header X-A top; proxy_set_header X-B top; proxy_hide_header X-Top;
      proxy_set_header X-Request-ID $request_id;
      add_header Link one; add_header Link two;
      server {
        proxy_set_header x-b server;
        location / {
          proxy_set_header Host $proxy_host; proxy_hide_header X-Inner;
          add_header X-C c always; proxy_pass http://app:8080;
        }
        location /link { add_header Link three; return 204; }
      }
      """
    ).tables
    let location = Self.location(tables, 0, "/")
    let names = location.requestFields.indices.map { location.requestFields[$0].name.text }
    #expect(names == ["X-A", "x-b", "Host"])
    #expect(location.requestFields[1].value.parts[0].text.text == "server")
    #expect(location.requestFields[2].known == .host)
    #expect(location.proxyHost.text == "app:8080")
    let added = location.responseFields.indices.map { location.responseFields[$0].name.text }
    #expect(added == ["Link", "Link", "X-C"])
    #expect(location.responseFields[2].isAlways && !location.responseFields[0].isAlways)
    let hidden = location.hiddenFields.indices.map { location.hiddenFields[$0].text }
    #expect(Set(hidden) == ["x-inner", "x-top"])
    #expect(Self.location(tables, 0, "/link").responseFields.count == 1)
  }

  /// A URI part replaces the location's prefix, `http://app` leaves the path alone.
  @Test(arguments: [
    ("http://app", false, ""), ("http://app/", true, "/"), ("http://app/base/x", true, "/base/x"),
    ("http://unix:/run/a.sock", false, ""), ("http://unix:/run/a.sock:/b", true, "/b"),
  ]) func uriParts(_ url: String, _ replaces: Bool, _ path: String) throws {
    let tables = try plan("server { location /in/ { proxy_pass \(url); } }").tables
    let location = Self.location(tables, 0, "/in/x")
    #expect(location.replacesPath == replaces)
    #expect(location.replacementPath.text == path)
    #expect(location.matchedPrefixCount == 4)
  }

  /// Peers, their names in the log, and the sharing of upstreams.
  @Test func upstreams() throws {
    let tables = try plan(
      """
      upstream main {
        server app:9000 weight=3 max_fails=2 fail_timeout=5s max_conns=7;
        server unix:/run/b.sock backup; server [::1]:1 down;
        least_conn; keepalive 4; keepalive_timeout 9s; keepalive_requests 8;
      }
      server {
        location /a { proxy_pass http://main; }
        location /b { proxy_pass http://app; }
        location /c { proxy_pass http://APP:80/x; }
        location /d { proxy_pass http://unix:/run/b.sock; }
        location /e { proxy_pass http://MAIN; }
      }
      """
    ).tables
    let main = tables.upstreams[0]
    #expect(main.peers.count == 4 && main.method == .leastConnections)
    #expect(main.idleConnections == 4 && main.idleTimeout == .seconds(9))
    #expect(main.keepaliveRequests == 8)
    #expect(main.peers[0].name.text == "10.0.0.1:9000" && main.peers[1].address.port == 9000)
    #expect(main.peers[1].weight == 3 && main.peers[1].maximumFailures == 2)
    #expect(main.peers[1].failTimeout == .seconds(5) && main.peers[1].maximumConnections == 7)
    #expect(main.peers[2].isBackup && main.peers[2].unixPath.text == "/run/b.sock")
    #expect(main.peers[2].name.text == "unix:/run/b.sock")
    #expect(main.peers[3].isDown && main.peers[3].name.text == "[::1]:1")
    let upstream = ["/a", "/b", "/c", "/d"].map { Self.location(tables, 0, $0).upstream }
    #expect(upstream[0] == 0 && upstream[1] == upstream[2] && Set(upstream).count == 3)
    #expect(Self.location(tables, 0, "/e").upstream == 0)
    #expect(tables.upstreams[upstream[1]].peers.count == 2)
    #expect(tables.upstreams[upstream[1]].idleConnections == Limits.idleUpstreamConnections)
    #expect(Self.location(tables, 0, "/d").proxyHost.text == "localhost")
  }

  /// The balancing methods by their words.
  @Test(
    arguments: [
      ("", .roundRobin), ("least_conn;", .leastConnections), ("random;", .random),
      ("random two;", .randomTwo), ("random two least_conn;", .randomTwo),
      ("hash $uri;", .hash), ("hash $uri consistent;", .consistentHash),
    ] as [(String, BalancingMethod)]) func methods(_ text: String, _ method: BalancingMethod) throws
  {
    let tables = try plan(
      "upstream up { server app; \(text) } server { location / { proxy_pass http://up; } }"
    ).tables
    #expect(tables.upstreams[0].method == method)
    #expect(tables.upstreams[0].hashKey.isEmpty == !text.hasPrefix("hash"))
  }

  /// One listener for each address, with the right default server and names.
  @Test func listenersAreShared() throws {
    let tables = try plan(
      """
      server { listen 8080; listen 127.0.0.1:9090; server_name a.example; return 201; }
      server { listen 8080 default_server backlog=99; server_name .b.example; return 202; }
      server { listen unix:/run/w.sock proxy_protocol; listen [::]:8080; return 203; }
      """
    ).tables
    #expect(tables.listeners.count == 4 && tables.servers.count == 3)
    let shared = tables.listeners[0]
    #expect(shared.defaultServer == 1 && shared.backlog == 99 && !shared.acceptsProxyProtocol)
    func server(_ name: String) -> Int {
      let bytes = Array(name.utf8)
      return shared.serverNames.find(bytes.span)
    }
    #expect(server("A.example") == 0 && server("b.example") == 1 && server("x.b.example") == 1)
    #expect(server("c.example") == ServerNameTable.none)
    #expect(tables.servers[1].name.text == "b.example")
    let socket = tables.listeners[2]
    #expect(socket.unixPath.text == "/run/w.sock" && socket.acceptsProxyProtocol)
    #expect(socket.address.family == .unix && tables.listeners[3].address.family == .ipv6)
  }

  /// nginx's redirect to the path with a slash, and what suppresses it.
  @Test func slashRedirects() throws {
    let tables = try plan(
      """
      server {
        location /a/ { proxy_pass http://app; }
        location /b/ { proxy_pass http://app; }
        location = /b { return 204; }
        location /c/ { return 204; }
      }
      """
    ).tables
    let redirect = Self.location(tables, 0, "/a")
    #expect(redirect.action == .answer && redirect.answerStatus == 301)
    #expect(redirect.answerText.parts[0].text.text == "/a/")
    #expect(Self.location(tables, 0, "/b").answerStatus == 204)
    #expect(Self.location(tables, 0, "/c").action == .none)
  }

  /// `return` in all its forms; in `server` it comes before all locations.
  @Test func answers() throws {
    let tables = try plan(
      """
      default_type text/html;
      server {
        location /text { return 200 "id $request_id"; }
        location /url { return https://example.com; }
        location /code { return 503; }
      }
      server { listen 81; return 301 https://$host$request_uri; location / { return 204; } }
      """
    ).tables
    let text = Self.location(tables, 0, "/text")
    #expect(text.answerStatus == 200 && text.answerType.text == "text/html")
    #expect(text.answerText.parts[1].variable == .requestID)
    #expect(Self.location(tables, 0, "/url").answerStatus == 302)
    #expect(Self.location(tables, 0, "/code").answerText.isEmpty)
    #expect(Self.location(tables, 1, "/").answerStatus == 301)
    #expect(tables.locations[tables.servers[1].fallbackLocation].answerStatus == 301)
  }

  /// Logs: replaced level by level, and one sink for each destination.
  @Test func logs() throws {
    let tables = try plan(
      """
      log_format mine escape=none "$status";
      access_log a.log mine buffer=8k flush=2s; access_log stdout if=$arg_log;
      error_log a.log info; error_log stderr;
      server {
        location / { return 204; }
        location /own { access_log b.log verbose; error_log b.log debug; return 204; }
        location /off { access_log off; return 204; }
      }
      """
    ).tables
    let outer = Self.location(tables, 0, "/")
    #expect(outer.accessLogs.count == 2 && outer.errorLogs.count == 2)
    #expect(outer.accessLogs[0].format.kind == .template)
    #expect(outer.accessLogs[0].format.escape == .none)
    #expect(!outer.accessLogs[1].condition.isEmpty && outer.accessLogs[0].condition.isEmpty)
    let sink = tables.sinks[outer.accessLogs[0].sink]
    #expect(sink.path.text == "a.log" && sink.bufferBytes == 8192)
    #expect(sink.flushInterval == .seconds(2))
    #expect(outer.errorLogs[0].sink == outer.accessLogs[0].sink)
    #expect(outer.errorLogs[0].level == .info && outer.errorLogs[1].level == .error)
    let own = Self.location(tables, 0, "/own")
    #expect(own.accessLogs.count == 1 && own.accessLogs[0].format.kind == .verbose)
    #expect(own.errorLogs[0].sink == own.accessLogs[0].sink)
    #expect(Self.location(tables, 0, "/off").accessLogs.isEmpty)
    #expect(tables.sinks.count == 4)
  }

  /// Rotation belongs to the file, whichever line names it.
  @Test func rotation() throws {
    let tables = try plan(
      """
      error_log a.log info; access_log a.log json rotate=2k keep=3 gzip; access_log b.log;
      error_log c.log rotate=1m;
      server { return 204; }
      """
    ).tables
    var rotations: [String: LogRotationPlan] = [:]
    for index in tables.sinks.indices {
      rotations[tables.sinks[index].path.text] = tables.sinks[index].rotation
    }
    #expect(rotations["a.log"]?.bytes == 2048 && rotations["a.log"]?.keep == 3)
    #expect(rotations["a.log"]?.packs == true)
    #expect(rotations["b.log"]?.bytes == 0)
    #expect(rotations["c.log"]?.bytes == 1 << 20 && rotations["c.log"]?.keep == 10)
    #expect(rotations["c.log"]?.packs == false)
  }

  /// What messages call a log.
  @Test func namesOfLogs() throws {
    let tables = try plan(
      "error_log stderr; access_log stdout; access_log a; server { return 204; }"
    ).tables
    let names = tables.sinks.indices.map { tables.sinks[$0].path.text }
    #expect(Set(names) == ["stderr", "stdout", "a"])
  }

  /// Values that land in one place only.
  @Test func process() throws {
    let plan = try plan(
      """
      worker_threads 3; worker_connections 512; pid /run/w.pid; user nobody nogroup;
      shutdown_timeout 5s; client_header_timeout 7s; large_client_header_buffers 2 1k;
      max_headers 50; set_real_ip_from 10.0.0.0/8; real_ip_header X-Forwarded-For;
      real_ip_recursive on; add_header X-Port $server_port; add_header X-U $upstream_http_etag;
      proxy_next_upstream_timeout 3s; proxy_next_upstream http_503; proxy_next_upstream_tries 2;
      server { return 204; }
      server { listen 81; real_ip_header proxy_protocol; return 204; }
      """)
    let tables = plan.tables
    #expect(plan.process.workerThreads == 3 && plan.process.pidPath == "/run/w.pid")
    #expect(plan.process.user == "nobody" && plan.process.group == "nogroup")
    #expect(tables.workerConnections == 512 && tables.shutdownTimeout == .seconds(5))
    let server = tables.servers[0]
    #expect(server.headerTimeout == .seconds(7) && server.headLimits.maximumHeadBytes == 2048)
    #expect(server.headLimits.maximumFieldCount == 50)
    #expect(server.realIPHeader == .xForwardedForRecursive)
    #expect(server.realIPTrust.networks.count == 1)
    #expect(tables.servers[1].realIPHeader == .proxyProtocol)
    #expect(tables.usesLocalAddress)
    #expect(tables.capturedFields[0].name.text == "etag" && tables.capturedFields[0].isUpstream)
    let retry = tables.locations[server.fallbackLocation].retry
    #expect(retry.timeout == .seconds(3) && retry.conditions == .http503 && retry.maximumTries == 2)
  }
}
