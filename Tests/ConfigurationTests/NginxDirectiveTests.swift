import Configuration
import Testing

/// The directives of nginx that are not done here.
struct NginxDirectiveTests {
  /// Good values are taken silently, with a warning, or refused; bad ones are errors.
  @Test(
    arguments: [
      ("top", "sendfile on;", nil), ("location", "sendfile off; return 204;", nil),
      ("top", "sendfile yes;", "invalid value \"yes\""),
      ("top", "sendfile on; sendfile on;", "\"sendfile\" is already set at line 1"),
      ("upstream", "server app; sendfile on;", "\"sendfile\" is not allowed in \"upstream\""),
      ("top", "output_buffers 1 1g;", "invalid size \"1g\""),
      ("top", "client_body_in_file_only clean;", nil),
      (
        "top", "client_body_in_file_only on;",
        "\"client_body_in_file_only\" is an nginx directive that Waybill does not support"
      ),
      ("top", "proxy_buffers 8 16k;", nil),
      ("top", "proxy_buffers 8;", "\"proxy_buffers\" takes 2 arguments, not 1"),
      ("top", "proxy_buffers 0 16k;", "invalid number \"0\""),
      ("top", "lingering_close always;", nil),
      ("top", "lingering_close never;", "invalid value \"never\""),
      ("top", "lingering_time 1q;", "invalid time \"1q\""),
      ("top", "types_hash_max_size 2048;", nil),
      ("top", "types_hash_max_size 2k;", "invalid number \"2k\""),
      ("server", "types_hash_max_size 1; events { }", "\"events\" is not allowed in \"server\""),
      ("top", "zstd on;", "\"zstd\" has no effect"), ("top", "zstd off;", nil),
      ("top", "gzip_buffers 4 8k;", nil),
      ("top", "http3 on;", "\"http3\" has no effect"), ("top", "http3 off;", nil),
      ("top", "proxy_cache_path /a keys_zone=a:1m;", nil),
      ("location", "proxy_cache a; return 204;", "\"proxy_cache\" has no effect"),
      (
        "location", "random_index on; return 204;",
        "\"random_index\" is an nginx directive that Waybill does not support"
      ),
      (
        "top", "num_map $a $b { x y; }",
        "\"num_map\" is an nginx directive that Waybill does not support"
      ),
      ("top", "ssi on;", "\"ssi\" is an nginx directive that Waybill does not support"),
      ("top", "ssi off;", nil), ("top", "satisfy all;", nil),
      (
        "top", "more_set_headers 'A: b';",
        "\"more_set_headers\" is an nginx directive that Waybill does not support"
      ),
      (
        "top", "mail { server { listen 25; } }",
        "\"mail\" is an nginx directive that Waybill does not support"
      ),
      ("top", "proxy_protocol on;", "\"proxy_protocol\" is not allowed at top level"),
      ("top", "log_format json '$upstream_cache_status$limit_rate$gzip_ratio';", nil),
    ] as [(String, String, String?)])
  func use(_ context: String, _ line: String, _ message: String?) {
    let text = DirectiveTests.Case(context, line).text
    let messages = Compiling().compile(text).diagnostics.map(\.message)
    #expect(messages == (message.map { [$0] } ?? []))
  }

  /// Variables that a refused directive would make are no errors besides; all others are.
  @Test func variablesOfRefusedDirectives() {
    let text = """
      num_map $http_upgrade $mine { default upgrade; }
      server {
        location / { proxy_set_header X-A $mine; proxy_set_header X-B $theirs; return 204; }
      }
      """
    let messages = Compiling().compile(text).diagnostics.map(\.message)
    #expect(
      messages == [
        "\"num_map\" is an nginx directive that Waybill does not support",
        "unknown variable \"$theirs\"",
      ])
    // One without effect makes none.
    let needless = Compiling().compile("fastcgi_param A $nope; server { return 200 $nope; }")
    #expect(needless.plan == nil)
  }

  /// Each sentence of the table is one, and no directive is listed twice.
  @Test func table() {
    let lines = DirectiveReference.nginxMarkdown().split(separator: "\n")
    let rows = lines.filter { $0.hasPrefix("| `") }
    #expect(rows.count > 700)
    let names = rows.map { $0.split(separator: "|")[0] }
    #expect(Set(names).count == names.count)
    for row in rows { #expect(row.hasSuffix(". |"), "\(row)") }
  }
}
