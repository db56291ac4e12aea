import RegularExpressions
import Telemetry

/// Regular expressions, each compiled once however often it stands in the conf file.
extension ConfigurationBuilder {
  /// The expression `pattern`, which stands in `word` from the offset `start` on. Nil when it is
  /// none, which is reported.
  func expression(
    _ pattern: String, ignoresCase: Bool, in word: Word, from start: Int
  ) -> RegularExpression? {
    let key = ExpressionKey(pattern: pattern, ignoresCase: ignoresCase)
    if let known = expressions[key] { return known }
    do throws(RegularExpressionError) {
      let expression = try RegularExpression(pattern, ignoresCase: ignoresCase)
      guard declareGroups(of: expression, at: word.place) else { return nil }
      expressions[key] = expression
      return expression
    } catch {
      reporter.error(
        word.place(from: start + error.offset, count: 1),
        "invalid regular expression \"\(pattern)\": \(error.message)")
      return nil
    }
  }

  private func declareGroups(of expression: RegularExpression, at place: Place) -> Bool {
    for group in expression.namedGroups {
      do throws(TemplateError) {
        _ = try templates.declareGroup(group.name)
      } catch {
        reporter.error(place, error.message)
        return false
      }
    }
    return true
  }
}

/// What no two expressions share.
struct ExpressionKey: Hashable {
  var pattern: String
  var ignoresCase: Bool
}
