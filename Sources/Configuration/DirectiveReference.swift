/// The manual of all directives, made from their entries.
public enum DirectiveReference {
  /// The table of nginx's directives in Markdown, as it stands in the documentation catalogue: what
  /// each of them does here.
  public static func nginxMarkdown() -> String {
    var text = """
      # nginx's directives

      What each directive of nginx and its modules does in Waybill.

      ## Overview

      nginx configuration files can be used as they are. A *supported* directive means the same as \
      in nginx; see [Directives](Directives.md). One with *no effect* is checked, and ignoring it \
      changes nothing. One with a *warning* is checked and has no effect, and `waybill -t` says \
      so. A *rejected* one is an error, because ignoring it would change the behavior. A value \
      that asks for what Waybill does anyway, such as `ssi off`, never causes an error or a \
      warning.

      This page is generated from the entries in `Sources/Configuration`.

      ## Done


      """
    let done = DirectiveCatalog.aspects.flatMap(\.directives).map(\.name)
    let names = Set(done).subtracting(ownNames).sorted().map { "`\($0)`" }
    text += names.joined(separator: ", ") + ".\n"
    for (title, directives) in NginxDirectives.aspects {
      text += "\n## \(title)\n\n| Directive | Where | | In Waybill |\n|---|---|---|---|\n"
      for directive in directives { text += row(directive) }
    }
    return text
  }

  private static func row(_ directive: Directive) -> String {
    let kind =
      switch directive.kind {
      case .done: "supported"
      case .needless: "no effect"
      case .warned: "warning"
      case .notDone: "rejected"
      }
    let contexts = directive.contexts.names.joined(separator: ", ")
    return "| `\(directive.name)` | \(contexts) | \(kind) | \(directive.summary) |\n"
  }

  /// The directives that nginx does not have.
  private static let ownNames: Set<String> = [
    "control", "debug_request", "grpc_max_interim_responses", "grpc_response_head_size",
    "grpc_response_max_headers", "health", "log_queue", "log_value_length", "metrics",
    "nginx_defaults", "proxy_max_interim_responses", "proxy_response_head_size",
    "proxy_response_max_headers", "request_id", "request_id_cors", "request_id_format",
    "request_id_header", "request_id_invalid", "request_id_max_length",
    "request_id_server_timing", "request_id_trust",
    "shutdown_delay", "shutdown_timeout", "slow_log", "ssl_ciphersuites", "status",
    "worker_threads",
  ]

  /// The manual in Markdown, as it stands in the documentation catalogue.
  public static func markdown() -> String {
    var text = """
      # Directives

      All directives of the conf file, by topic.

      ## Overview

      The syntax is nginx's: a directive is a name, its arguments and a `;`, or a block in `{ }`. \
      Text with whitespace or one of `;{}` must be quoted. Times take `ms`, `s`, `m`, `h`, `d`, \
      `w`, `M` and `y` and are in seconds without one; sizes take `k`, `m` and `g`. Waybill's top \
      level corresponds to nginx's `http` block, which may also enclose it. An inner level \
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
    if directive.isRepeatable { text += "- Can be repeated in a block\n" }
    return text + "\n\(directive.summary)\n"
  }
}
