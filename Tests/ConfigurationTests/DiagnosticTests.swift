import Configuration
import Testing

/// What the terminal shows for a faulty file, to the letter: users read nothing else.
struct DiagnosticTests {
  /// A conf file and all that is said about it.
  struct Case: CustomTestStringConvertible, Sendable {
    var text: String
    var output: String
    var testDescription: String { text }
  }

  static let syntax: [Case] = [
    Case(
      text: "server {\n    lisen 8080;\n    return 204;\n}",
      output: """
        proxy.conf:2:5: error: unknown directive "lisen"
            lisen 8080;
            ^~~~~
        did you mean "listen"?
        """),
    Case(
      text: "server {\n\tlisten 8080\n\treturn 204;\n}",
      output: """
        proxy.conf:2:13: error: ";" is missing at the end of "listen"
        \tlisten 8080
        \t           ^
        expected: ";"
        """),
    Case(
      text: "server { return 204 }",
      output: """
        proxy.conf:1:20: error: ";" is missing at the end of "return"
        server { return 204 }
                           ^
        expected: ";"
        """),
    Case(
      text: "server {\n  listen 8080;\n  location /\n    return 204;\n  }\n}",
      output: """
        proxy.conf:3:13: error: "{" is missing
          location /
                    ^
        expected: "{"
        """),
    Case(
      text: "server {\n  return 204;",
      output: """
        proxy.conf:1:8: error: this block is not closed
        server {
               ^
        expected: "}"
        """),
    Case(
      text: "server { return 204; } }",
      output: """
        proxy.conf:1:24: error: unexpected "}": no block is open here
        server { return 204; } }
                               ^
        """),
    Case(
      text: "; server { return 204; { return 1; } }",
      output: """
        proxy.conf:1:1: error: unexpected ";"
        ; server { return 204; { return 1; } }
        ^
        expected: a directive
        proxy.conf:1:24: error: unexpected "{"
        ; server { return 204; { return 1; } }
                               ^
        expected: a directive before it
        """),
    Case(
      text: "error_log \"stderr;\nserver { return 204; }",
      output: """
        proxy.conf:1:11: error: the quote is not closed
        error_log "stderr;
                  ^
        expected: a second "
        """),
    Case(
      text: "error_log \"stderr\"info;\nserver { return 204; }",
      output: """
        proxy.conf:1:19: error: text directly after the closing quote
        error_log "stderr"info;
                          ^
        expected: whitespace or ";"
        """),
  ]

  static let directives: [Case] = [
    Case(
      text: "http {\n  server { retrun 204; }\n}",
      output: """
        proxy.conf:2:12: error: unknown directive "retrun"
          server { retrun 204; }
                   ^~~~~~
        did you mean "return"?
        """),
    Case(
      text: "keyval $b $a zone=c;\nserver { return 200 $a; }",
      output: """
        proxy.conf:1:1: error: "keyval" is an nginx directive that Waybill does not support
        keyval $b $a zone=c;
        ^~~~~~
        note: Waybill has no lookup tables: use `server` and `location`.
        """),
    Case(
      text: "ssl_certificate a.pem;\nserver { listen 443 ssl; return 204; }",
      output: """
        proxy.conf:1:17: error: the certificate has no key
        ssl_certificate a.pem;
                        ^~~~~
        expected: ssl_certificate_key in the same block
        """),
    Case(
      text: "listen 80;\nserver { return 204; }",
      output: """
        proxy.conf:1:1: error: "listen" is not allowed at top level
        listen 80;
        ^~~~~~
        expected: the directive in server
        """),
    Case(
      text: "server { location /b { location /a { return 204; } return 204; } }",
      output: """
        proxy.conf:1:33: error: the location "/a" is outside of "location /b" that contains it
        server { location /b { location /a { return 204; } return 204; } }
                                        ^~
        expected: a path that begins with "/b"
        """),
    Case(
      text: "server { location ~* ^/a(b[c { return 204; } }",
      output: """
        proxy.conf:1:29: error: invalid regular expression "^/a(b[c": missing terminating ] for \
        character class
        server { location ~* ^/a(b[c { return 204; } }
                                    ^
        """),
    Case(
      text: "proxy_read_timeout 10s 20s;\nproxy_read_timeout;\nserver { return 204; }",
      output: """
        proxy.conf:1:24: error: "proxy_read_timeout" takes 1 argument, not 2
        proxy_read_timeout 10s 20s;
                               ^~~
        expected: proxy_read_timeout TIME;
        proxy.conf:2:1: error: "proxy_read_timeout" takes 1 argument, not 0
        proxy_read_timeout;
        ^~~~~~~~~~~~~~~~~~
        expected: proxy_read_timeout TIME;
        """),
    Case(
      text: "server;\nserver { listen 1 { } return 204; }",
      output: """
        proxy.conf:1:1: error: "server" needs a block
        server;
        ^~~~~~
        expected: server { … }
        proxy.conf:2:10: error: "listen" does not take a block
        server { listen 1 { } return 204; }
                 ^~~~~~
        expected: listen [ADDRESS:]PORT[-PORT] | ADDRESS | unix:PATH | systemd:NAME [ssl] \
        [default_server] [proxy_protocol] [backlog=NUMBER] [ipv6only=on|off] …;
        """),
    Case(
      text: "send_timeout 1s;\nsend_timeout 2s;\nserver { return 204; }",
      output: """
        proxy.conf:2:1: error: "send_timeout" is already set at line 1
        send_timeout 2s;
        ^~~~~~~~~~~~
        """),
    Case(
      text: "# Ünïcode\nserver { listen 1; return 200 'ä $requst_id'; }",
      output: """
        proxy.conf:2:34: error: unknown variable "$requst_id"
        server { listen 1; return 200 'ä $requst_id'; }
                                         ^~~~~~~~~~
        did you mean "$request_id"?
        """),
    Case(
      text: "",
      output: """
        proxy.conf:1:1: error: no server is defined

        ^
        expected: a server { … } with listen and location
        """),
  ]

  /// A message changed, lost its place, or hid another one.
  @Test(arguments: syntax + directives) func output(_ one: Case) {
    #expect(diagnostics(one.text) == one.output)
  }

  /// A file that can't be read has no line to show.
  @Test func unreadableFile() {
    let compiled = Compiling().compile("", path: "proxy.conf")
    #expect(compiled.plan == nil)
    let missing = Compiling().missing("other.conf")
    #expect(missing.plan == nil)
    #expect(
      missing.diagnostics.map { $0.render() } == [
        "other.conf: error: \"other.conf\" can't be read: No such file or directory"
      ])
  }

  /// A file full of errors must not flood the terminal.
  @Test func errorsBeyondTheLimitAreCounted() {
    let compiled = Compiling().compile(
      (1...250).map { "nonsense\($0);" }.joined(separator: "\n"))
    #expect(compiled.diagnostics.count == 101)
    #expect(compiled.diagnostics.last?.message == "150 more errors are not shown")
  }

  /// What stands in a file can't give orders to the terminal that shows it.
  @Test func controlsAreNotShown() {
    let shown = diagnostics("\"no\u{1B}[2J\u{9B}2J\rsuch\" 1;")
    let controls = shown.unicodeScalars.filter { $0.properties.generalCategory == .control }
    #expect(controls.allSatisfy { $0 == "\n" })
    #expect(shown.contains("unknown directive \"no [2J 2J such\""))
  }

  /// A very long line shows only what surrounds the fault.
  @Test func longLinesAreCut() {
    let padding = String(repeating: "x ", count: 500)
    let lines = diagnostics("server { return 204; } server_name \(padding) \(padding);")
      .split(separator: "\n")
    #expect(lines.allSatisfy { $0.utf8.count <= 200 })
    let late = diagnostics("server { server_name \(padding) {}; return 204; }")
    #expect(late.split(separator: "\n").allSatisfy { $0.utf8.count <= 200 })
  }
}
