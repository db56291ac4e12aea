import Basics

/// The plain directives: one argument that lands in one setting.
extension Directive {
  /// `NAME TIME`
  static func time(
    _ name: String, in contexts: DirectiveContexts, default defaultText: String,
    mayBeZero: Bool = false, _ setting: any WritableKeyPath<Settings, Interval?> & Sendable,
    _ summary: String
  ) -> Directive {
    Directive(name, in: contexts, "TIME", default: defaultText, summary) { builder, use in
      guard let time = builder.time(use.arguments[0], mayBeZero: mayBeZero) else { return }
      builder.settings[keyPath: setting] = time
    }
  }

  /// `NAME SIZE`
  static func size(
    _ name: String, in contexts: DirectiveContexts, default defaultText: String,
    _ setting: any WritableKeyPath<Settings, UInt64?> & Sendable, _ summary: String
  ) -> Directive {
    Directive(name, in: contexts, "SIZE", default: defaultText, summary) { builder, use in
      guard let bytes = builder.bytes(use.arguments[0]) else { return }
      builder.settings[keyPath: setting] = bytes
    }
  }

  /// `NAME NUMBER`
  static func number(
    _ name: String, in contexts: DirectiveContexts, _ range: ClosedRange<UInt64>,
    default defaultText: String, _ setting: any WritableKeyPath<Settings, UInt64?> & Sendable,
    _ summary: String
  ) -> Directive {
    Directive(name, in: contexts, "NUMBER", default: defaultText, summary) { builder, use in
      guard let number = builder.number(use.arguments[0], range) else { return }
      builder.settings[keyPath: setting] = number
    }
  }

  /// `NAME on|off`
  static func flag(
    _ name: String, in contexts: DirectiveContexts, default defaultText: String,
    _ setting: any WritableKeyPath<Settings, Bool?> & Sendable, _ summary: String
  ) -> Directive {
    Directive(name, in: contexts, "on | off", default: defaultText, summary) { builder, use in
      guard let flag = builder.flag(use.arguments[0]) else { return }
      builder.settings[keyPath: setting] = flag
    }
  }

  /// A directive of nginx of which Waybill always does one thing: saying so is allowed, anything
  /// else is refused.
  static func statement(
    _ name: String, in contexts: DirectiveContexts, _ truth: String, _ summary: String
  ) -> Directive {
    Directive(name, in: contexts, truth, default: truth, summary) { builder, use in
      guard use.arguments[0].text != truth else {
        builder.settings.stated.insert(name)
        return
      }
      builder.reporter.error(
        use.arguments[0].place, "\"\(name) \(use.arguments[0].text)\" is not supported by Waybill",
        expected: "\(name) \(truth);")
    }
  }
}
