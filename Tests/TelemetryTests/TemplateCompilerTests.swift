import Basics
import Policy
import Telemetry
import Testing

@Suite struct TemplateCompilerTests {
  @Test(arguments: [
    ("", ""), ("plain", "plain"), ("$status", "200"), ("${status}", "200"),
    ("a${status}b", "a200b"),
    ("$status$status", "200200"), ("$status-$scheme.", "200-http."), ("$STATUS", "200"),
    ("${Status}1", "2001"), ("é$status}", "é200}"), ("{$scheme}", "{http}"),
    ("$hostname", "machine"), ("<${hostname}>", "<machine>"), ("\n\t", "\n\t"),
  ])
  func compiles(_ text: String, _ expected: String) throws {
    let exchange = Exchange("GET", "/")
    exchange.record.status = 200
    var compiler = TemplateCompiler(arena: exchange.arena, hostname: "machine")
    #expect(exchange.value(of: try compiler.compile(text)) == expected)
  }

  @Test(arguments: [
    ("$", 0, "", "a variable's name must follow \"$\""),
    ("é $", 3, "", "a variable's name must follow \"$\""),
    ("a$ b", 1, "", "a variable's name must follow \"$\""),
    ("$$status", 0, "", "a variable's name must follow \"$\""),
    ("${}", 0, "", "a variable's name must follow \"$\""),
    ("${status", 0, "status", "the closing \"}\" of \"${status\" is missing"),
    ("${sta tus}", 0, "sta", "the closing \"}\" of \"${sta\" is missing"),
    ("x$stauts", 1, "stauts", "unknown variable \"$stauts\""),
    ("${1}", 0, "1", "\"${1}\" is not a capture: captures are $1 to $9"),
    ("$0", 0, "0", "\"$0\" is not a capture: captures are $1 to $9"),
    ("$http_", 0, "http_", "a name must follow \"$http_\""),
    ("$sent_http_", 0, "sent_http_", "a name must follow \"$sent_http_\""),
    ("$status $nope", 8, "nope", "unknown variable \"$nope\""),
  ])
  func refuses(_ text: String, _ offset: Int, _ name: String, _ message: String) {
    var compiler = TemplateCompiler(arena: Arena(), hostname: "machine")
    #expect(throws: TemplateError(offset: offset, name: name, message: message)) {
      try compiler.compile(text)
    }
  }

  /// What groups hold, one digit a number, and names in any case.
  @Test func groups() throws {
    let exchange = Exchange("GET", "/")
    exchange.computed = Array("/ab/cd".utf8)
    exchange.record.hasCaptures = true
    exchange.record.groupCount = 2
    exchange.record.groups[0] = ByteRange(start: 1, count: 2)
    exchange.record.groups[1] = .empty
    var compiler = TemplateCompiler(
      arena: exchange.arena, hostname: "machine", hasExpressions: true)
    #expect(!compiler.usesGroups)
    let slot = try Int(compiler.declareGroup("Page"))
    exchange.values = Array(repeating: .absent, count: slot + 1)
    exchange.values[slot] = ByteRange(start: 4, count: 2)
    let template = try compiler.compile("$1-$2-$3-$12-$PAGE-${page}s-$later")
    #expect(exchange.value(of: template) == "ab---ab2-cd-cds-")
    #expect(compiler.usesGroups && compiler.takeOpenNames().map(\.name) == ["later"])
    #expect(compiler.takeOpenNames().isEmpty && !compiler.isDeclared("later"))
    exchange.record.reset()
    exchange.values = []
    #expect(exchange.value(of: template) == "---2--s-")
  }

  @Test func tooManyNamesOfGroups() throws {
    var compiler = TemplateCompiler(arena: Arena(), hostname: "", hasExpressions: true)
    for index in 0..<Limits.ownVariables { _ = try compiler.declareGroup("g\(index)") }
    _ = try compiler.declareGroup("g0")
    #expect(throws: TemplateError.self) { try compiler.declareGroup("other") }
    #expect(throws: TemplateError.self) { try compiler.compile("$other") }
  }

  /// Templates of one conf file share slots, and the two families do not.
  @Test func capturedFields() throws {
    var compiler = TemplateCompiler(arena: Arena(), hostname: "machine")
    _ = try compiler.compile("$sent_http_content_type $upstream_http_content_type")
    let again = try compiler.compile("$upstream_http_Content_Type$upstream_http_x_a")
    #expect(
      compiler.capturedFields == [
        CapturedName(name: "content-type", isUpstream: false),
        CapturedName(name: "content-type", isUpstream: true),
        CapturedName(name: "x-a", isUpstream: true),
      ])
    #expect(again.parts[0].variable == .captured && again.parts[0].slot == 1)
    #expect(again.parts[1].slot == 2)
  }

  @Test func tooManyCapturedFields() throws {
    var compiler = TemplateCompiler(arena: Arena(), hostname: "machine")
    for index in 0..<Limits.capturedFields {
      _ = try compiler.compile("$sent_http_x\(index)")
    }
    _ = try compiler.compile("$sent_http_x0")
    #expect(
      throws: TemplateError(
        offset: 1, name: "sent_http_y",
        message: "a conf file can use at most 32 response fields as variables")
    ) {
      try compiler.compile(" $sent_http_y")
    }
  }

  /// Every name that is offered compiles, and every variable has a name.
  @Test func names() throws {
    var compiler = TemplateCompiler(arena: Arena(), hostname: "machine")
    var found: Set<Variable> = []
    for name in TemplateCompiler.variableNames {
      found.insert(try compiler.compile("$\(name)").parts[0].variable)
    }
    for prefix in TemplateCompiler.variablePrefixes {
      found.insert(try compiler.compile("$\(prefix)x").parts[0].variable)
    }
    // $hostname is text once it is compiled; groups have numbers; the last is Waybill's own.
    #expect(Set(Variable.allCases).subtracting(found) == [.hostname, .group, .serverTiming])
    #expect(Set(TemplateCompiler.variableNames).count == TemplateCompiler.variableNames.count)
  }
}
