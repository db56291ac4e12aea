import Basics
import Plan
import Policy
import Telemetry

/// A location whose steps of rewriting are still to be numbered: the blocks of their `if`s come
/// behind all locations of the server.
struct PendingRewriting {
  /// Index into `locations`.
  var location: Int
  var declaration: LocationDeclaration
  /// What holds in the location.
  var settings: Settings
}

/// What `rewrite`, `return`, `set`, `break` and `if` come to.
extension PlanAssembler {
  /// Has a location execute its steps before anything else.
  func setRewriting(
    _ declaration: LocationDeclaration, _ settings: Settings, at index: Int
  ) {
    guard !declaration.rewrites.isEmpty else { return }
    locations[index].rewritten = locations[index].action
    locations[index].action = .rewriting
    pendingRewriting.append(
      PendingRewriting(location: index, declaration: declaration, settings: settings))
  }

  /// Builds the steps of all locations of a server.
  func assembleRewriting(of server: ServerDeclaration, _ named: [String: Int]) {
    let pending = pendingRewriting
    pendingRewriting = []
    for entry in pending {
      locations[entry.location].rewriting = steps(entry.declaration.rewrites) { block in
        self.appendBlock(block, of: entry, server, named)
      }
    }
  }

  /// The steps of a server.
  func serverSteps(_ server: ServerDeclaration) -> FrozenArray<RewriteStep> {
    steps(server.rewrites) { _ in nil }
  }

  private func steps(
    _ declarations: [RewriteDeclaration], _ append: (LocationDeclaration) -> Int?
  ) -> FrozenArray<RewriteStep> {
    var steps: [RewriteStep] = []
    add(declarations, append, to: &steps)
    return arena.freeze(steps)
  }

  private func add(
    _ declarations: [RewriteDeclaration], _ append: (LocationDeclaration) -> Int?,
    to steps: inout [RewriteStep]
  ) {
    for declaration in declarations {
      var step = step(declaration.kind)
      step.title = rewriteTitles.count
      rewriteTitles.append(declaration.title)
      steps.append(step)
      guard case .condition(_, let inner, let block) = declaration.kind else { continue }
      let test = steps.count - 1
      if let block, let location = append(block) {
        var enter = RewriteStep(.enter)
        enter.location = location
        steps.append(enter)
      }
      add(inner, append, to: &steps)
      steps[test].next = steps.count
    }
  }

  private func step(_ kind: RewriteDeclaration.Kind) -> RewriteStep {
    switch kind {
    case .assign(let slot, let value):
      var step = RewriteStep(.assign)
      step.slot = slot
      step.text = value
      return step
    case .assignQuery(let value):
      var step = RewriteStep(.assignQuery)
      step.text = value
      return step
    case .stop: return RewriteStep(.stop)
    case .answer(let answer):
      var step = RewriteStep(.answer)
      step.status = answer.status
      step.text = answer.text
      return step
    case .rewrite(let rule): return self.step(rule)
    case .condition(let condition, _, _): return self.step(condition)
    }
  }

  private func step(_ rule: RewriteRule) -> RewriteStep {
    var step = RewriteStep(.rewrite)
    step.expression = planIndex(of: rule.expression)
    step.ending = rule.ending
    step.status = rule.status
    step.text = rule.path
    step.keepsQuery = rule.keepsQuery
    step.hasQuery = rule.query != nil
    step.query = rule.query ?? step.query
    return step
  }

  private func step(_ condition: ConditionDeclaration) -> RewriteStep {
    var step = RewriteStep(.test)
    step.test = condition.test
    step.isNegated = condition.isNegated
    step.subject = condition.subject
    step.text = condition.other
    if let expression = condition.expression { step.expression = planIndex(of: expression) }
    return step
  }

  /// Appends what the block of an `if` makes of its location. Returns its index.
  private func appendBlock(
    _ block: LocationDeclaration, of around: PendingRewriting, _ server: ServerDeclaration,
    _ named: [String: Int]
  ) -> Int {
    let settings = block.settings.inheriting(
      around.settings, replacesLists: usesNginxDefaults)
    var merged = around.declaration
    merged.place = block.place
    merged.pass = block.pass ?? merged.pass
    merged.triedFiles = nil
    merged.rewrites = []
    let plan = plan(merged, in: server, settings, named, isBlock: true)
    append(plan, "if in \(around.declaration.title)", block.place)
    locations[locations.count - 1].expressionList = locations[around.location].expressionList
    return locations.count - 1
  }
}
