import Configuration
import Testing

/// Every directive with values that it must take and values that it must refuse.
struct DirectiveTests {
  /// One line in one context; without a message it must compile silently.
  struct Case: CustomTestStringConvertible, Sendable {
    var context: String
    var line: String
    var message: String?
    var testDescription: String { "\(context): \(line)" }

    init(_ context: String, _ line: String, _ message: String? = nil) {
      self.context = context
      self.line = line
      self.message = message
    }

    /// A whole conf file around the line.
    var text: String {
      switch context {
      case "file": line
      case "top": "\(line)\nserver { listen 1; location / { return 204; } }"
      case "server": "server { \(line)\nlocation / { return 204; } }"
      case "location": "server { listen 1; location / { \(line) } }"
      default: "upstream up { \(line)\n}\nserver { listen 1; location / { proxy_pass http://up; } }"
      }
    }
  }

  /// A good value is refused, or a bad one taken, or the message says something else.
  @Test(arguments: DirectiveCases.all) func directive(_ one: Case) {
    let compiled = Compiling(files: ["more.conf": "send_timeout 1s;"]).compile(one.text)
    let messages = compiled.diagnostics.map(\.message)
    #expect(messages == (one.message.map { [$0] } ?? []))
    let hasErrors = compiled.diagnostics.contains { $0.severity == .error }
    #expect((compiled.plan == nil) == hasErrors)
  }

  /// A directive without a case that takes it, or without one that refuses it, is untested.
  @Test func everyDirectiveHasBothKindsOfCases() {
    for directive in DirectiveCatalog.aspects.flatMap(\.directives) {
      let own = DirectiveCases.all.filter { one in
        one.line.hasPrefix(directive.name + " ") || one.line.hasPrefix(directive.name + ";")
          || one.line.contains(" " + directive.name + " ")
      }
      let isUpstream = directive.contexts == .upstream
      let inContext = own.filter { isUpstream == ($0.context == "upstream") }
      #expect(inContext.contains { $0.message == nil }, "no good case for \(directive.name)")
      #expect(inContext.contains { $0.message != nil }, "no bad case for \(directive.name)")
    }
  }

  /// `waybill -T` and the manual print what would not even compile.
  @Test func defaultsAreValid() {
    for directive in DirectiveCatalog.aspects.flatMap(\.directives) {
      guard let value = directive.defaultText else { continue }
      let context =
        !directive.contexts.isDisjoint(with: [.main, .top])
        ? "top" : directive.contexts.contains(.server) ? "server" : "upstream"
      let line =
        context == "upstream"
        ? "server 127.0.0.1:9; \(directive.name) \(value);" : "\(directive.name) \(value);"
      #expect(diagnostics(Case(context, line).text) == "", "\(directive.name)")
    }
  }
}
