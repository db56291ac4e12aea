import Basics
import Configuration
import Foundation
import LogReading
import Plan
import Telemetry
import Testing

/// The files that are kept beside the code: the example, and the manual made from the entries.
struct ExampleTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The example would not start, or would warn on the first run.
  @Test func exampleCompilesWithoutDiagnostics() throws {
    let text = try String(
      contentsOf: Self.root.appending(path: "proxy.conf.example"), encoding: .utf8)
    let compiled = Compiling().compile(text)
    #expect(compiled.diagnostics.map { $0.render() } == [])
    #expect(compiled.plan?.tables.listeners.count == 2)
  }

  /// The example must mention every directive, so that nobody has to look elsewhere for its name.
  @Test func exampleShowsEveryDirective() throws {
    let text = try String(
      contentsOf: Self.root.appending(path: "proxy.conf.example"), encoding: .utf8)
    // What is only checked teaches nothing.
    let statements = [
      "proxy_busy_buffers_size", "proxy_temp_file_write_size",
      // Nor do nginx's names of what is there anyway.
      "worker_processes", "ssl_session_cache", "ssl_conf_command",
    ]
    for directive in DirectiveCatalog.aspects.flatMap(\.directives)
    where !statements.contains(directive.name) {
      #expect(text.contains(directive.name), "\(directive.name)")
    }
  }

  /// The manual is generated, and the committed text is an older one. `WAYBILL_WRITE_REFERENCE=1`
  /// in the environment of the test writes it anew.
  @Test func manualIsUpToDate() throws {
    let url = Self.root.appending(path: "Sources/waybill/Waybill.docc/Directives.md")
    let text = DirectiveReference.markdown()
    if ProcessInfo.processInfo.environment["WAYBILL_WRITE_REFERENCE"] == "1" {
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: url, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: url, encoding: .utf8) == text)
  }

  /// The table of nginx's directives is generated, too.
  @Test func nginxTableIsUpToDate() throws {
    let url = Self.root.appending(path: "Sources/waybill/Waybill.docc/NginxDirectives.md")
    let text = DirectiveReference.nginxMarkdown()
    if ProcessInfo.processInfo.environment["WAYBILL_WRITE_REFERENCE"] == "1" {
      try text.write(to: url, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: url, encoding: .utf8) == text)
  }

  /// What `waybill why` says is a page, too.
  @Test func reasonsAreUpToDate() throws {
    let url = Self.root.appending(path: "Sources/waybill/Waybill.docc/Why.md")
    let text = ReasonReference.markdown()
    if ProcessInfo.processInfo.environment["WAYBILL_WRITE_REFERENCE"] == "1" {
      try text.write(to: url, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: url, encoding: .utf8) == text)
  }

  /// Every error, termination and usual status has its sentence, and directives that exist.
  @Test func everyEndHasAReason() {
    var known = Set(DirectiveCatalog.aspects.flatMap(\.directives).map(\.name))
    // Parameters of `server` and `limit_req`.
    known.formUnion(["max_fails", "fail_timeout", "max_conns", "down"])
    for error in ErrorType.allCases where error != .none {
      #expect(Reason.all(for: "\(error.name)").contains(Reason(error: error)))
    }
    for party in Termination.Party.allCases where party != .nobody {
      for phase in Termination.Phase.allCases {
        let one = Termination(party, phase)
        let word = "\(one.partyName):\(one.phaseName)"
        #expect(Reason.all(for: word) == [Reason(one)] && Termination(word) == one)
      }
    }
    let all = ReasonReference.all.flatMap(\.reasons)
    for reason in all {
      #expect(
        !reason.name.isEmpty && reason.event.hasSuffix(".")
          && ".?".contains(reason.advice.last ?? "x"))
      #expect(Set(reason.directives).subtracting(known).isEmpty, "\(reason)")
    }
    #expect(Set(all.map { $0.name + $0.condition }).count == all.count)
  }

  /// The page about metrics names each of them.
  @Test func metricsPageIsComplete() throws {
    let url = Self.root.appending(path: "Sources/waybill/Waybill.docc/Metrics.md")
    let text = try String(contentsOf: url, encoding: .utf8)
    for family in MetricFamily.all {
      #expect(text.contains("| `\(family.sampleName)` |"), "\(family.name)")
    }
  }

  /// The byte order mark of a file that an editor left one in is no word in the middle of a text.
  @Test func effectiveConfigurationOfAFileWithByteOrderMark() {
    let compiled = Compiling().compile("\u{FEFF}server { return 204; }")
    let text = EffectiveConfiguration.render(compiled)
    #expect(Compiling().compile(text).diagnostics.map { $0.render() } == [])
  }

  /// `-T` prints the files, the merged policies and the defaults, to the letter.
  @Test func effectiveConfiguration() {
    var compiling = Compiling()
    compiling.files = ["more.conf": "location /in { request_id_format hex; return 204; }"]
    let compiled = compiling.compile(
      "request_id_trust 10.0.0.0/8 unix:;\nserver { server_name a; include more.conf; }\n")
    let text = EffectiveConfiguration.render(compiled)
    #expect(
      text.hasPrefix(
        """
        # configuration file proxy.conf:
        request_id_trust 10.0.0.0/8 unix:;
        server { server_name a; include more.conf; }

        # configuration file more.conf:
        location /in { request_id_format hex; return 204; }

        # request IDs, all levels merged:
        #
        # server a (proxy.conf:2)
        #   request_id on;
        #   request_id_header X-Request-ID;
        #   request_id_format uuid4;
        #   request_id_trust 10.0.0.0/8 unix:;
        #   request_id_max_length 128;
        #   request_id_invalid replace;
        #   request_id_cors off;
        #   request_id_server_timing off;
        #
        # server a location /in (more.conf:1)
        #   request_id on;
        #   request_id_header X-Request-ID;
        #   request_id_format hex;
        #   request_id_trust 10.0.0.0/8 unix:;
        #   request_id_max_length 128;
        #   request_id_invalid replace;
        #   request_id_cors off;
        #   request_id_server_timing off;
        #
        # defaults where nothing is set:
        #   worker_threads auto;

        """))
    #expect(text.contains("#   keepalive 32;  # in upstream\n"))
    #expect(!text.contains("#   request_id_trust all;"))
  }
}
