// What a check does once its connection is under way: it sends a request, reads no more of the
// response than it has to, and judges it.

import Basics
import HTTP
import Plan
import Platform
import Policy
import RegularExpressions

extension Prober where K: ~Copyable {
  /// Carries a check as far as it goes.
  mutating func advance(_ index: Int, _ readiness: KernelEvent.Readiness) {
    guard let probe = targets[index].probe, let plan else { return }
    switch probe.phase {
    case .connecting:
      guard !readiness.isDisjoint(with: [.writable, .failed]) else { return }
      if let error = kernel.pendingError(probe.descriptor) {
        return finish(index, failure: error.describe())
      }
      if plan.tables.checks[targets[index].check].kind == .tcp {
        return finish(index, failure: nil)
      }
      targets[index].probe?.phase = .sending
      send(index)
    case .sending: send(index)
    case .reading: receive(index)
    }
  }

  private mutating func send(_ index: Int) {
    precondition(targets[index].probe?.phase == .sending, "send: nothing is to be sent")
    while let probe = targets[index].probe, !probe.output.isEmpty {
      let result = probe.output.withUnsafeBytes { bytes in
        kernel.write(probe.descriptor, WriteParts(bytes))
      }
      switch result {
      case .bytes(let count): targets[index].probe?.output.removeFirst(count)
      case .wouldBlock: return
      case .failed(let error): return finish(index, failure: error.describe())
      }
    }
    targets[index].probe?.phase = .reading
    receive(index)
  }

  private mutating func receive(_ index: Int) {
    precondition(targets[index].probe?.phase == .reading, "receive: nothing is awaited")
    while let probe = targets[index].probe {
      switch kernel.read(probe.descriptor, into: memory) {
      case .bytes(let count):
        targets[index].probe?.input.append(contentsOf: memory[0..<count])
        judge(index, hasEnded: false)
      case .end:
        judge(index, hasEnded: true)
        if targets[index].probe != nil {
          finish(index, failure: "it closed the connection before the end of its response")
        }
      case .wouldBlock: return
      case .failed(let error): finish(index, failure: error.describe())
      }
    }
  }

  /// Ends the check if what has come is enough to judge by.
  private mutating func judge(_ index: Int, hasEnded: Bool) {
    precondition(targets[index].probe?.phase == .reading, "judge: nothing was read")
    guard let probe = targets[index].probe, let plan else { return }
    let match = plan.tables.checks[targets[index].check].match
    let start: Int
    do throws(HTTP1Error) {
      guard let found = try findHead(probe.input) else { return }
      start = found
    } catch {
      let isTooLarge = error.kind == .headTooLarge
      let reason = "\(error.reason)"
      return finish(
        index,
        failure: isTooLarge
          ? "the head of its response has more than \(Limits.checkHeadBytes) bytes"
          : "its response is malformed: \(reason)")
    }
    if let failure = fault(ofHead: probe.input, at: start, match, plan) {
      return finish(index, failure: failure)
    }
    if match.bodies.isEmpty { return finish(index, failure: nil) }
    judgeContent(index, from: start + head.byteCount, hasEnded: hasEnded)
  }

  /// Where the head of the final response begins, which `head` then holds; nil when not all of it
  /// has come.
  private mutating func findHead(_ input: [UInt8]) throws(HTTP1Error) -> Int? {
    var start = 0
    while true {
      let limits = HeadLimits(
        maximumLineBytes: Limits.checkHeadBytes,
        maximumHeadBytes: Limits.checkHeadBytes - min(start, Limits.checkHeadBytes - 1),
        maximumFieldCount: Limits.checkFieldCount)
      head.reset()
      guard try head.parse(input.span.extracting(start..<input.count), limits: limits) else {
        return nil
      }
      guard head.isInterim else { return start }
      start += head.byteCount
    }
  }

  /// What is wrong with the head; nil when it passes.
  private mutating func fault(
    ofHead input: [UInt8], at start: Int, _ match: MatchPlan, _ plan: Plan
  ) -> String? {
    guard match.accepts(status: head.status) else {
      return "its response has the status \(head.status)"
    }
    for index in match.fields.indices where !holds(match.fields[index], input, start, plan) {
      let name = String(decoding: Array(match.fields[index].name), as: UTF8.self)
      return "the field \(name) of its response is not what match asks for"
    }
    return nil
  }

  private mutating func holds(
    _ condition: FieldCondition, _ input: [UInt8], _ start: Int, _ plan: Plan
  ) -> Bool {
    var isMet = false
    for number in 0..<head.fields.count where !isMet {
      let line = head.fields[number]
      let name = input[start...].dropFirst(Int(line.nameStart)).prefix(Int(line.nameCount))
      guard name.count == condition.name.count,
        zip(name, condition.name.indices).allSatisfy({ $0 | 0x20 == condition.name[$1] | 0x20 })
      else { continue }
      let value = input[start...].dropFirst(Int(line.valueStart)).prefix(Int(line.valueCount))
      switch condition.test {
      case .present: isMet = true
      case .equal: isMet = Array(value) == Array(condition.value)
      case .matches: isMet = matches(condition.expression, value, plan)
      }
    }
    return isMet != condition.isNegated
  }

  private mutating func matches(
    _ expression: Int, _ subject: ArraySlice<UInt8>, _ plan: Plan
  ) -> Bool {
    let found = plan.tables.expressions[expression]
    let outcome = matchSpace.match(
      handle: found.handle, groupCount: found.groupCount, isAnchored: found.isAnchored,
      Array(subject).span)
    if case .matched = outcome { return true }
    return false
  }

  /// Judges by the content, once all of it, or as much as is looked at, has come.
  private mutating func judgeContent(_ index: Int, from start: Int, hasEnded: Bool) {
    precondition(start <= targets[index].probe?.input.count ?? 0, "judgeContent: no head has come")
    guard let probe = targets[index].probe, let plan else { return }
    let arrived = probe.input[start...]
    let isFull = arrived.count >= Limits.checkBodyBytes
    var content = arrived.prefix(Limits.checkBodyBytes)
    switch head.framing(for: .get) {
    case .none: content = []
    case .length(let length):
      guard isFull || UInt64(arrived.count) >= length else { return }
      content = content.prefix(Int(min(length, UInt64(content.count))))
    case .untilClose: guard isFull || hasEnded else { return }
    case .chunked:
      do throws(HTTP1Error) {
        guard let decoded = try decode(content, isFull: isFull) else { return }
        content = decoded
      } catch {
        return finish(index, failure: "its response is malformed: \(error.reason)")
      }
    }
    let bodies = plan.tables.checks[targets[index].check].match.bodies
    for number in bodies.indices
    where matches(bodies[number].expression, content, plan) == bodies[number].isNegated {
      return finish(index, failure: "the content of its response is not what match asks for")
    }
    finish(index, failure: nil)
  }

  /// Content without its chunks; nil when more has to come.
  private func decode(
    _ bytes: ArraySlice<UInt8>, isFull: Bool
  ) throws(HTTP1Error) -> ArraySlice<UInt8>? {
    var decoder = ChunkedDecoder()
    var copy = Array(bytes)
    var span = copy.mutableSpan
    let step = try decoder.decode(&span, maximumLineBytes: Limits.chunkLineBytes)
    guard isFull || step.end != .more else { return nil }
    return copy.prefix(step.produced)
  }
}
