/// The manual of all directives, made from their entries.
public enum DirectiveReference {
  /// The manual in Markdown, as it stands in the documentation catalogue.
  public static func markdown() -> String {
    var text = """
      # Directives

      All directives of the conf file, by aspect.

      ## Overview

      The syntax is nginx's: a directive is a name, its arguments and a `;`, or a block in `{ }`. \
      Text with white space or one of `;{}` stands in quotes. Times take `ms`, `s`, `m`, `h`, \
      `d`, `w`, `M` and `y` and are in seconds without one; sizes take `k`, `m` and `g`. \
      Waybill's top level is nginx's `http` block. An inner level inherits what it does not set \
      itself.

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
