import Simulation

/// Shows how a seed goes, for finding out what broke.
public enum ScenarioTrace {
  /// Plays a seed and prints its conf file, its cast and everything that happened.
  public static func print(seed: UInt64) -> ScenarioReport {
    let scenario = Scenario(seed: seed)
    Swift.print(scenario.conf.text)
    Swift.print("calm: \(scenario.isCalm), faults: \(scenario.faults)")
    for incident in scenario.incidents { Swift.print("incident: \(incident)") }
    for backend in scenario.backends {
      let kinds = backend.menu.map(\.0.rawValue)
      Swift.print("backend \(backend.index) at \(backend.location): \(kinds)")
    }
    for client in scenario.clients {
      let requests = client.requests.map { "\($0.method) \($0.nonce) \($0.bytes.count)" }
      let beginning = client.preface.map { ", \($0.kind) header" } ?? ""
      let sent = requests.joined(separator: "; ")
      Swift.print("client \(client.name): \(client.kind)\(beginning), \(sent)")
    }
    let run = ScenarioRun(scenario)
    run.world.trace.keepsLines = true
    let report = run.play()
    for line in run.world.trace.lines { Swift.print(line) }
    for line in run.logLines("/log") { Swift.print(line) }
    for line in run.world.logs.lines(of: "/error") { Swift.print(line) }
    return report
  }
}
