import Simulation

/// One request, one ID, the same everywhere.
extension Evidence {
  /// No two requests have the same ID unless their clients sent the same.
  func judgeIDs() -> [Violation] {
    Dictionary(grouping: ends.filter { !$0.id.isEmpty }, by: \.id).compactMap { id, lines in
      let isShared = lines.allSatisfy { $0["id_source"] == "client" }
      if lines.count == 1 || isShared { return nil }
      return Violation(.identity, "\(lines.count) requests have the ID \(id)")
    }
  }

  /// The line's ID is what the contract makes of what the client sent.
  func judgeIdentity(_ line: AccessLine, of request: PlannedRequest) -> [Violation] {
    guard line.wasDecided, !request.isMalformed else { return [] }
    let expected = request.identityOutcome
    var found: [Violation] = []
    let source = line["id_source"] ?? ""
    if source != expected.source {
      found.append(
        Violation(.identity, "\(request.nonce): source \(source), not \(expected.source)"))
    }
    if let kept = expected.kept, line.id != kept {
      found.append(Violation(.identity, "\(request.nonce): ID \(line.id), not \(kept)"))
    }
    if expected.kept == nil && expected.exists && !request.location.isGenerated(line.id) {
      found.append(
        Violation(.identity, "\(request.nonce): \(line.id) is no \(request.location.format)"))
    }
    if !expected.exists && !line.id.isEmpty {
      found.append(Violation(.identity, "\(request.nonce) has an ID: \(line.id)"))
    }
    return found
  }

  /// The client's copy of a response has the line's ID, once.
  func judgeIdentity(
    _ response: SeenMessage, _ line: AccessLine, of request: PlannedRequest?
  ) -> [Violation] {
    guard !line.id.isEmpty else { return [] }
    let ids = response.values(of: scenario.conf.idField)
    var found: [Violation] = []
    if ids != [line.id] {
      found.append(
        Violation(.identity, "the client saw \(ids), the line has \(line.id): \(line.place)"))
    }
    // What came unasked is judged elsewhere.
    let isAnswer = response.value(of: "x-nonce") == request?.nonce
    if isAnswer, let seen = response.value(of: "x-seen"), seen != line.id {
      found.append(Violation(.identity, "the backend saw \(seen), the line has \(line.id)"))
    }
    return found
  }

  /// The backend's copy of a request has the line's ID, once, and no name that could be mistaken
  /// for the ID's.
  func judgeIdentity(_ seen: SeenMessage, of request: PlannedRequest) -> [Violation] {
    guard let line = linesByNonce[request.nonce] else {
      return [Violation(.lines, "a backend saw \(request.nonce), which has no line")]
    }
    guard request.location.mode != .off else { return [] }
    let alike = seen.fields.filter {
      String($0.name.map { $0 == "_" ? "-" : $0 }) == scenario.conf.idField
    }
    let expected = line.id.isEmpty ? [] : [line.id]
    guard alike.map(\.value) != expected || alike.contains(where: { $0.name.contains("_") }) else {
      return []
    }
    return [Violation(.identity, "a backend saw \(alike), the line has \(expected)")]
  }
}
