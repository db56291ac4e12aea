import ArgumentParser
import Scenarios

/// `simulate`: runs the engine in worlds made of seeds, and says which seed broke a promise.
@main struct Simulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Runs the engine in simulated worlds, one for each seed, and judges what came of it.",
    discussion: """
      Equal seeds give equal runs. Ends with 1 when a promise was broken, after naming the seed, \
      what was broken, and the command that replays it.
      """)

  @Option(help: "Play this seed alone.") var seed: UInt64?
  @Flag(help: "Print the conf file and everything that happens (with --seed).") var trace = false
  @Option(help: "Play the seeds of a range: 0..<1000.") var seeds: SeedRange?
  @Option(help: "Play seeds until so many requests have been served.") var requests: Int?
  @Flag(help: "Play only those seeds whose world speaks TLS.") var tls = false
  @Option(help: "The first seed (with --requests).") var first: UInt64 = 0
  @Option(help: "Play so many seeds at a time.") var jobs = 1
  @Option(help: "Go on until so many seeds have failed.") var failures = 1

  func validate() throws {
    let modes = [seed != nil, seeds != nil, requests != nil].filter { $0 }.count
    guard modes == 1 else { throw ValidationError("Give one of --seed, --seeds, --requests.") }
    guard jobs > 0, failures > 0 else { throw ValidationError("Too few jobs or failures.") }
  }

  func run() throws {
    CrashReport.install()
    let campaign: Campaign
    if let seed {
      guard !trace else { return try play(seed) }
      campaign = Campaign(seeds: seed..<(seed + 1), failureLimit: 1, needsTLS: false)
    } else if let seeds {
      campaign = Campaign(seeds: seeds.range, failureLimit: failures, needsTLS: tls)
    } else {
      campaign = Campaign(
        seeds: first..<UInt64.max, requestLimit: requests ?? 0, failureLimit: failures,
        needsTLS: tls)
    }
    campaign.run(jobs: jobs)
    print(campaign.summary)
    if campaign.hasFailed { throw ExitCode(1) }
  }

  private func play(_ seed: UInt64) throws {
    CrashReport.begin(seed)
    let report = ScenarioTrace.print(seed: seed)
    for violation in report.violations { print(describe(violation)) }
    if !report.violations.isEmpty { throw ExitCode(1) }
  }
}

/// A range as Swift writes it.
struct SeedRange: ExpressibleByArgument {
  let range: Range<UInt64>

  init?(argument: String) {
    let parts = argument.split(separator: "..<", maxSplits: 1).compactMap { UInt64($0) }
    guard parts.count == 2, parts[0] <= parts[1] else { return nil }
    range = parts[0]..<parts[1]
  }
}

/// What an oracle has found, on one line.
func describe(_ violation: Violation) -> String {
  "  oracle \(violation.oracle.rawValue): \(violation.sentence)"
}
