import Telemetry

/// A `proxy_set_header` or `add_header`.
struct FieldSetting {
  /// The name as written.
  var name: Word
  /// The value as written.
  var text: Word
  /// The value.
  var value: Template
  /// `always`
  var isAlways: Bool

  /// The inner level's fields, and those of the outer level whose names the inner one does not set.
  static func merge(_ inner: [FieldSetting], over outer: [FieldSetting]) -> [FieldSetting] {
    guard !inner.isEmpty else { return outer }
    let names = Set(inner.map { $0.name.text.lowercased() })
    return outer.filter { !names.contains($0.name.text.lowercased()) } + inner
  }
}
