import Simulation

/// What backends saw, beside what clients sent.
extension Evidence {
  /// A request that a backend saw, at least its head.
  struct Sighting {
    let request: PlannedRequest
    let isComplete: Bool
  }

  /// Reads each connection of a backend as a strict server would.
  func sightings(
    of plan: BackendPlan, _ connections: [ConnectionRecord], _ found: inout [Violation]
  ) -> [Sighting] {
    var sightings: [Sighting] = []
    for (number, record) in connections.enumerated() {
      var stream = MessageStream(record.received)
      var sequence = 0
      // Unasked bytes pass for the next response, and each response behind them for that of a
      // later request: who asked for a tunnel seems to have been refused, and his connection is
      // used again, while the backend takes what comes for the tunnel's.
      var isPoisoned = false
      do {
        while !stream.isAtEnd {
          let seen = try stream.next(.request)
          guard seen.hasHead else { break }
          if seen.words.count > 1, Detours.isSubrequest(seen.words[1]) {
            found += judgeSubrequest(seen)
            sequence += 1
            continue
          }
          guard let request = judge(seen, &found) else { break }
          sightings.append(Sighting(request: request, isComplete: seen.isComplete))
          if sequence > 0 && record.writesOverUnread.contains(seen.start) {
            found.append(
              Violation(.requests, "\(request.nonce) was sent over bytes that nobody had read"))
          }
          let kind = plan.kind(request.nonce, connection: number, sequence: sequence)
          if request.asksForTunnel && kind.isFaithful {
            if !isPoisoned { found += judgeTunnel(stream.rest, of: request) }
            break
          }
          isPoisoned = isPoisoned || kind.sendsUnaskedBytes
          sequence += 1
        }
      } catch {
        found.append(Violation(.requests, "a backend got no request: \(error.reason)"))
      }
    }
    return sightings
  }

  /// The request that this is a copy of; nil when no client sent it.
  private func judge(_ seen: SeenMessage, _ found: inout [Violation]) -> PlannedRequest? {
    let nonces = seen.values(of: "x-nonce")
    guard nonces.count == 1, let request = requests[nonces[0]] else {
      found.append(Violation(.requests, "a backend saw \(seen.startLine), sent by nobody"))
      return nil
    }
    if seen.isComplete && request.isMalformed {
      found.append(Violation(.requests, "a backend saw the malformed \(request.nonce) whole"))
    }
    guard !request.isMalformed else { return request }
    let expected = "\(request.method) \(request.location.path)r?n=\(request.nonce) HTTP/1.1"
    if seen.startLine != expected || seen.values(of: "host") != [request.location.host] {
      found.append(Violation(.requests, "a backend saw \(seen.startLine), not \(expected)"))
    }
    if request.location.action != .proxy {
      found.append(Violation(.requests, "\(request.nonce) was not meant for a backend"))
    }
    found += judgeIdentity(seen, of: request) + judgeAddress(seen, of: request)
    found += judgeSecurity(seen, of: request) + judgeTrace(seen, of: request)
    if !request.content.starts(with: seen.content)
      || seen.isComplete && seen.content.count != request.content.count
    {
      found.append(
        Violation(.content, "a backend saw other content of \(request.nonce) than was sent"))
    }
    return request
  }

  private func judgeTunnel(
    _ bytes: ArraySlice<UInt8>, of request: PlannedRequest
  ) -> [Violation] {
    let tunnel = plansByNonce[request.nonce]?.tunnel ?? []
    if tunnel.starts(with: bytes) { return [] }
    return [Violation(.content, "\(request.nonce): other bytes left the tunnel than went in")]
  }

  /// No request came more often than it may, or than the log says.
  func judge(_ sightings: [Sighting]) -> [Violation] {
    var found: [Violation] = []
    for (nonce, group) in Dictionary(grouping: sightings, by: \.request.nonce) {
      let tries = linesByNonce[nonce].map { max(1, $0.tries.count) } ?? 0
      if group.count > tries {
        found.append(
          Violation(.requests, "\(nonce) came \(group.count) times, the log has \(tries) tries"))
      }
      let request = group[0].request
      if group.count > 1 && !request.isIdempotent && !scenario.conf.repeatsAnyMethod {
        found.append(Violation(.requests, "\(request.method) \(nonce) came \(group.count) times"))
      }
    }
    return found
  }
}
