// Questions on their way to name servers and back.

import Basics
import HTTP
import Platform
import Policy

/// A host that an SRV record names.
struct ServiceHost {
  var name: String
  var port: UInt16
  var weight: UInt16
  var priority: UInt16
}

/// What SRV records say.
struct ServiceRecords {
  var hosts: [ServiceHost] = []
  /// How long they hold.
  var time = Interval(nanoseconds: 0)
}

/// Why there are no SRV records.
struct ServiceProblem: Error {
  var outcome: NameOutcome
}

/// A question about addresses that c-ares works on.
final class RunningQuestion {
  private let channel: NameChannel
  private let completion: (NameOutcome) -> Void

  init(_ channel: NameChannel, _ completion: @escaping (NameOutcome) -> Void) {
    self.channel = channel
    self.completion = completion
  }

  func end(_ outcome: NameOutcome) {
    channel.noteEnd()
    completion(outcome)
  }
}

/// A question about SRV records that c-ares works on.
final class RunningServiceQuestion {
  typealias Outcome = Result<ServiceRecords, ServiceProblem>
  private let channel: NameChannel
  private let completion: (Outcome) -> Void

  init(_ channel: NameChannel, _ completion: @escaping (Outcome) -> Void) {
    self.channel = channel
    self.completion = completion
  }

  func end(_ outcome: Outcome) {
    channel.noteEnd()
    completion(outcome)
  }
}

/// Asks name servers, each list of them over a channel of its own. Used by one thread.
final class NameLookups {
  private var channels: [[PeerAddress]: NameChannel] = [:]
  /// Those of an earlier configuration of the system that still wait for answers.
  private var outdated: [NameChannel] = []

  /// Lists of name servers that are remembered: reloads may come to others again and again.
  private static let channelCount = 64

  /// Asks; the answer may come before this returns.
  func ask(
    _ question: NameQuestion, _ kind: RecordKind, _ completion: @escaping (NameOutcome) -> Void
  ) {
    guard let channel = channel(question.resolver.servers) else {
      return completion(.failed(.other))
    }
    let name = String(decoding: question.name, as: UTF8.self)
    switch kind {
    case .ipv4, .ipv6: channel.askForAddresses(name, kind, completion)
    case .service:
      channel.askForServices(name) { [weak channel] result in
        switch result {
        case .failure(let problem): completion(problem.outcome)
        case .success(let records):
          guard let channel else { return completion(.failed(.other)) }
          ServiceLookup(records, completion).begin(on: channel, question.resolver)
        }
      }
    }
  }

  private func channel(_ servers: [PeerAddress]) -> NameChannel? {
    if let known = channels[servers] {
      guard servers.isEmpty, known.isOutdated else { return known }
      if known.runningCount > 0 { outdated.append(known) }
    }
    if channels.count >= Self.channelCount {
      channels = channels.filter { $0.value.runningCount > 0 }
    }
    channels[servers] = NameChannel(servers)
    return channels[servers]
  }

  private var all: [NameChannel] { Array(channels.values) + outdated }

  /// What has to be waited for.
  var interests: [DescriptorInterest] { all.flatMap { $0.interests.values } }

  /// How long at most.
  var timeout: Interval? { all.compactMap(\.timeout).min() }

  /// Carries on with what is ready.
  func process(_ ready: [DescriptorInterest]) {
    for channel in all where channel.runningCount > 0 || !channel.interests.isEmpty {
      channel.process(ready)
    }
    outdated.removeAll { $0.runningCount == 0 }
  }
}

/// The addresses of the hosts that SRV records name.
private final class ServiceLookup {
  private let records: ServiceRecords
  private let completion: (NameOutcome) -> Void
  private var addresses: [NameAddress] = []
  private var time: Interval
  private var failure: NameFailure?
  private var left = 1

  init(_ records: ServiceRecords, _ completion: @escaping (NameOutcome) -> Void) {
    self.records = records
    self.completion = completion
    time = records.time
  }

  func begin(on channel: NameChannel, _ resolver: ResolverSettings) {
    let first = records.hosts.map(\.priority).min()
    let question = NameQuestion(name: [], resolver: resolver)
    for host in records.hosts {
      for kind in question.kinds {
        left += 1
        channel.askForAddresses(host.name, kind) { [self] outcome in
          take(outcome, host, isBackup: host.priority != first)
        }
      }
    }
    end()
  }

  private func take(_ outcome: NameOutcome, _ host: ServiceHost, isBackup: Bool) {
    switch outcome {
    case .absent: break
    case .failed(let reason): failure = reason
    case .addresses(let found, let time):
      self.time = min(self.time, time)
      for var one in found {
        one.address.port = host.port
        one.weight = host.weight
        one.isBackup = isBackup
        addresses.append(one)
      }
    }
    end()
  }

  private func end() {
    left -= 1
    guard left == 0 else { return }
    if !addresses.isEmpty { return completion(.addresses(addresses, time)) }
    completion(failure.map { .failed($0) } ?? .absent)
  }
}
