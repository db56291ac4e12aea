import Basics
import Plan
import Policy
import Telemetry

/// Internal redirects of a location: where they lead is known once the server's locations are
/// numbered.
extension PlanAssembler {
  /// The numbers of a server's named locations, of which the first location has number `first`.
  func namedLocations(_ server: ServerDeclaration, first: Int) -> [String: Int] {
    var named: [String: Int] = [:]
    for (offset, location) in server.locations.enumerated() where location.isNamed {
      named[location.path] = first + offset
    }
    return named
  }

  /// Sets `error_page`, `try_files` and `internal` of a location whose action is known. What has to
  /// be asked before it is `.precontent`; nginx's `return` comes before all of that.
  func setRedirection(
    _ settings: Settings, _ tried: TryFilesDeclaration?, named: [String: Int],
    _ plan: inout LocationPlan
  ) {
    plan.redirection.allowsRecursion = settings.redirection.allowsRecursion ?? false
    plan.redirection.interceptsErrors = settings.redirection.interceptsErrors ?? false
    plan.redirection.errorPages = arena.freeze(
      settings.redirection.errorPages.map { page in
        ErrorPage(
          status: page.status, answer: page.answer, target: target(page.target, named))
      })
    let isInternal = settings.redirection.isInternal ?? false
    plan.redirection.isInternal = isInternal
    if let tried {
      setTriedFiles(settings, tried, named, &plan)
    }
    let isAdmitted = plan.admission.isOpen || plan.action == .answer
    // Those whose response is paced have a state, which is made there.
    let isPlain =
      plan.action == .answer || plan.mirrors.isEmpty && plan.pace.rate.isEmpty
    if isInternal || plan.redirection.triesFiles || !isAdmitted || !isPlain {
      plan.content = plan.action
      plan.action = .precontent
    }
  }

  private func setTriedFiles(
    _ settings: Settings, _ tried: TryFilesDeclaration, _ named: [String: Int],
    _ plan: inout LocationPlan
  ) {
    // What `return` answers comes before, as in nginx.
    guard [.files, .proxy, .none].contains(plan.action) else { return }
    plan.redirection.triesFiles = true
    plan.redirection.triedLast = target(tried.last, named)
    guard let root = root(settings) else {
      if builder.failed.contains("root") || builder.failed.contains("alias") { return }
      return warn(
        tried.place,
        "\"try_files\" finds no file, because root is not set: requests go to its last argument")
    }
    if plan.action != .files { setPath(settings, root, &plan) }
    plan.redirection.triedFiles = arena.freeze(tried.files)
  }

  private func target(
    _ declared: TargetDeclaration, _ named: [String: Int]
  ) -> RedirectionTarget {
    switch declared {
    case .status(let status): return .status(status)
    case .uri(let uri): return .uri(uri)
    case .url(let url): return .url(url)
    case .named(let word):
      if let number = named[word.text] { return .named(number) }
      warn(word.place, "the server has no location \"\(word.text)\": requests for it get 500")
      return .named(-1)
    }
  }
}
