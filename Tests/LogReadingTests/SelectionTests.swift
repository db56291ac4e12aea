import LogReading
import Testing

/// Which lines are about the request, when a text is in those of many.
@Suite struct SelectionTests {
  private func lines(_ texts: [String], id: String) -> [FoundLine] {
    texts.enumerated().flatMap { number, text in
      var found: [FoundLine] = []
      LineSearch(id: Array(id.utf8)).forEachHit(in: Array(text.utf8).span) { hit in
        found.append(
          FoundLine(
            file: 0, offset: UInt64(number), text: Array(text.utf8), id: hit.id,
            isExact: hit.isExact, isNamed: hit.isNamed, entry: parse(text)))
      }
      return found
    }
  }

  /// `N shown`, `N shown, M not`, or `unclear`.
  private func choice(_ texts: [String], _ id: String) -> String {
    switch Selection(lines(texts, id: id), about: Array(id.utf8)) {
    case .lines(let all): "\(all.count) shown"
    case .sure(let sure, let others): "\(sure.count) shown, \(others) not"
    case .unclear(let others): "unclear: \(others)"
    }
  }

  private func access(_ id: String, _ uri: String = "/?n=7") -> String {
    #"{"request_id":"\#(id)","method":"GET","uri":"\#(uri)","status":200,"duration":0.1}"#
  }

  private func repeated(_ text: String, _ count: Int) -> [String] {
    (0..<count).map { "2026-11-22 23:49:17 \(text) \($0)x" }
  }

  /// The request of that ID is shown, not those of others that hold the same text.
  @Test(arguments: ["7", "GET"])
  func aShortIDOfARequest(id: String) {
    let others = (0..<100).map { access("other-\($0)") } + repeated("worker 7 did GET x", 100)
    let own = [access(id, "/x"), "ERROR 2026-11-22 23:49:17.240000 upstream [req-\(id)] *3 mine"]
    #expect(choice(own + others, id) == "2 shown, 200 not")
    #expect(choice(own + [others[0]], id) == "2 shown, 1 not")
    #expect(choice(own, id) == "2 shown")
    #expect(choice(others, id) == "unclear: 100")
  }

  @Test(arguments: [
    "2026-11-22", "23:49:17", "worker", "HTTP/1.1", "Traceback", "127.0.0.1", "127.0.0.1:8080",
  ])
  func aWordOrATime(word: String) {
    #expect(
      choice(repeated("worker Traceback 127.0.0.1:8080 127.0.0.1 HTTP/1.1", 100), word)
        .hasPrefix("unclear"))
    #expect(choice(repeated(word, 3), word) == "3 shown")
  }

  /// What looks like an ID is shown however often it comes.
  @Test(arguments: [
    "e62fbf04-db7d-4878-a78d-9aa6f94c31d5", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "order-12345",
    "1795391358386",
  ])
  func anID(id: String) {
    #expect(choice(repeated("INFO [\(id)] x", 100), id) == "100 shown")
    let uris = ["a", "b"].map { access($0, "/?x=\(id)") }
    #expect(choice(uris, id) == "unclear: 2")
    #expect(choice(uris + [access(id)], id) == "3 shown")
  }
}
