/// The manual of all directives, made from their entries.
public enum DirectiveReference {
  /// The table of nginx's directives in Markdown, as it stands in the documentation catalogue: what
  /// each of them does here.
  public static func nginxMarkdown() -> String {
    var text = """
      # nginx's directives

      What each directive of nginx, and of modules for it, does in Waybill.

      ## Overview

      A conf file of nginx is read as it is. A directive that is *done* means what it means in \
      nginx; [Directives](Directives.md) says more of it. One *without effect* is checked, and \
      nothing is missing without it. One with a *warning* is checked, has no effect, and \
      `waybill -t` says so. One that is *refused* is an error: something would be missing. A \
      value that asks for what is done anyway, such as `gunzip off`, is never refused or warned of.

      This page is generated from the entries in `Sources/Configuration`.

      ## Done


      """
    let done = DirectiveCatalog.aspects.flatMap(\.directives).map(\.name)
    let names = Set(done).subtracting(ownNames).sorted().map { "`\($0)`" }
    text += names.joined(separator: ", ") + ".\n"
    for (title, directives) in NginxDirectives.aspects {
      text += "\n## \(title)\n\n| Directive | Where | | What holds instead |\n|---|---|---|---|\n"
      for directive in directives { text += row(directive) }
    }
    return text
  }

  private static func row(_ directive: Directive) -> String {
    let kind =
      switch directive.kind {
      case .done: "done"
      case .needless: "without effect"
      case .warned: "warning"
      case .notDone: "refused"
      }
    let contexts = directive.contexts.names.joined(separator: ", ")
    return "| `\(directive.name)` | \(contexts) | \(kind) | \(directive.summary) |\n"
  }

  /// The directives that nginx does not have.
  private static let ownNames: Set<String> = [
    "control", "debug_request", "health", "log_queue", "log_value_length", "metrics",
    "nginx_defaults", "proxy_max_interim_responses", "proxy_response_head_size",
    "proxy_response_max_headers", "request_id", "request_id_cors", "request_id_format",
    "request_id_header", "request_id_invalid", "request_id_max_length", "request_id_trust",
    "shutdown_delay", "shutdown_timeout", "slow_log", "ssl_ciphersuites", "status",
    "worker_threads",
  ]

  /// The manual in Markdown, as it stands in the documentation catalogue.
  public static func markdown() -> String {
    var text = """
      # Directives

      All directives of the conf file, by aspect.

      ## Overview

      The syntax is nginx's: a directive is a name, its arguments and a `;`, or a block in `{ }`. \
      Text with white space or one of `;{}` stands in quotes. Times take `ms`, `s`, `m`, `h`, \
      `d`, `w`, `M` and `y` and are in seconds without one; sizes take `k`, `m` and `g`. \
      Waybill's top level is nginx's `http` block, which may also stand around it. An inner level \
      inherits what it does not set itself. [nginx's directives](NginxDirectives.md) lists all \
      directives of nginx.

      This page is generated from the directives' entries in `Sources/Configuration/Directives`.

      """
    for (title, directives) in DirectiveCatalog.aspects {
      text += "\n## \(title)\n"
      for directive in directives { text += entry(directive) }
    }
    return text
  }

  private static func entry(_ directive: Directive) -> String {
    let contexts = directive.contexts.names.joined(separator: ", ")
    let isShared = DirectiveCatalog.directives(named: directive.name).count > 1
    let title =
      isShared && directive.contexts == .upstream
      ? "`\(directive.name)` in `upstream`" : "`\(directive.name)`"
    var text = "\n### \(title)\n\n```nginx\n\(directive.syntax)\n```\n\n"
    if let value = directive.defaultText {
      text += "- Default: `\(directive.name) \(value);`\n"
    }
    text += "- Context: \(contexts)\n"
    if directive.isRepeatable { text += "- May stand several times in one block\n" }
    return text + "\n\(directive.summary)\n"
  }
}
