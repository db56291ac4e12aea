import Basics
import Plan
import Telemetry

/// `return`: nginx's three forms.
extension ConfigurationBuilder {
  /// Notes the answer in the open location or server.
  func returnAnswer(_ use: DirectiveUse) {
    guard let answer = answer(use) else { return }
    addRewrite(.answer(answer), use)
  }

  /// `health`: an answer that depends on whether Waybill is about to end.
  func health(_ use: DirectiveUse) {
    let place = use.name.place
    guard let text = template("ok\n", place: { _, _ in place }) else { return }
    setAnswer(AnswerDeclaration(place: place, status: 200, text: text, action: .health))
  }

  /// `metrics` and `status`: the page of metrics.
  func page(_ use: DirectiveUse, _ action: LocationAction) {
    let text = Template(parts: .empty)
    setAnswer(
      AnswerDeclaration(place: use.name.place, status: 200, text: text, action: action))
  }

  func setAnswer(_ answer: AnswerDeclaration) {
    if let other = location?.answer, other.action != answer.action {
      let line = reporter.describe(other.place, from: answer.place)
      let names = [other.directive, answer.directive].sorted().joined(separator: " or ")
      return reporter.error(
        answer.place, "a location has \(names), not both: the other is at \(line)")
    }
    location?.answer = answer
  }

  private func answer(_ use: DirectiveUse) -> AnswerDeclaration? {
    let first = use.arguments[0]
    let place = use.name.place
    if use.arguments.count == 1, isURL(first.text) {
      return fieldValue(first).map { AnswerDeclaration(place: place, status: 302, text: $0) }
    }
    guard let status = status(first) else { return nil }
    let isRedirect = [301, 302, 303, 307, 308].contains(status)
    guard use.arguments.count == 2 else {
      if isRedirect {
        reporter.error(
          first.place, "a redirect needs a URL", expected: "return \(status) URL;")
        return nil
      }
      return AnswerDeclaration(place: place, status: status, text: Template(parts: .empty))
    }
    let text = use.arguments[1]
    if !isRedirect, [444, 499].contains(status), !text.text.isEmpty {
      reporter.error(text.place, "a response with status \(status) can't have text")
      return nil
    }
    var value = isRedirect ? fieldValue(text) : template(text)
    if value != nil, [204, 304].contains(status), !text.text.isEmpty {
      reporter.warning(
        text.place, "a response with status \(status) has no content: the text is not sent")
      value = Template(parts: .empty)
    }
    return value.map { AnswerDeclaration(place: place, status: status, text: $0) }
  }

  private func status(_ word: Word) -> UInt16? {
    // Codes below 200 are interim: no response would ever follow.
    if let code = UInt16(word.text), (200...999).contains(code) { return code }
    reporter.error(
      word.place, "invalid return code \"\(word.text)\"",
      expected: "a code from 200 to 999, or a URL that begins with http:// or https://")
    return nil
  }

  private func isURL(_ text: String) -> Bool {
    ["http://", "https://", "$scheme"].contains { text.hasPrefix($0) }
  }
}
