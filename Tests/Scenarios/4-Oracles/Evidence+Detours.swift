import PlainStages
import Simulation

/// Content that has passed through stages, and subrequests.
extension Evidence {
  /// The content of a response, as a request's location has it replaced.
  func content(of nonce: String, _ count: Int, _ request: PlannedRequest?) -> [UInt8] {
    let content = Filler.bytes(of: nonce, .response, count: count)
    guard request?.location.replaces == true else { return content }
    let pairs = Detours.replaced.map { (Array($0.0.utf8), Array($0.1.utf8)) }
    return PlainSubstitution(pairs, replacesOnce: false).result(content)
  }

  /// What a client makes of a response's content.
  func unpacked(_ response: SeenMessage) -> (content: [UInt8], isWhole: Bool) {
    guard response.values(of: "content-encoding") == ["gzip"] else {
      return (response.content, true)
    }
    // What is broken is no beginning of anything.
    return PlainUnpacking.gzip(response.content) ?? (Array("broken".utf8), false)
  }

  /// A subrequest is made in the name of a request that asks for it: with its nonce and its ID. A
  /// question has no content, a copy has the request's.
  func judgeSubrequest(_ seen: SeenMessage) -> [Violation] {
    let nonces = seen.values(of: "x-nonce")
    guard nonces.count == 1, let request = requests[nonces[0]] else {
      return [Violation(.requests, "a backend saw \(seen.startLine), asked for by nobody")]
    }
    var found: [Violation] = []
    let isCopy = seen.words[1].hasPrefix(Detours.copy)
    if !(isCopy ? request.location.mirrors : request.location.asks) {
      found.append(Violation(.requests, "\(request.nonce) led to \(seen.startLine)"))
    }
    guard let line = linesByNonce[request.nonce] else {
      return found + [Violation(.lines, "a subrequest of \(request.nonce), which has no line")]
    }
    let ids = seen.values(of: scenario.conf.idField)
    if request.location.identifies && ids != [line.id] {
      found.append(Violation(.identity, "a subrequest of \(line.id) has \(ids)"))
    }
    let expected = isCopy ? request.content : []
    let isWhole = expected.count == seen.content.count
    if !expected.starts(with: seen.content) || isCopy && seen.isComplete && !isWhole {
      found.append(Violation(.content, "a subrequest of \(request.nonce) has other content"))
    }
    return found
  }
}
