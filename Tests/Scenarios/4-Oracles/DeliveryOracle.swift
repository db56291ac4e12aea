import Simulation

/// What became of the lines of a log that may fail, beside a log of the same lines that can't.
public enum DeliveryOracle {
  /// Each line came once, whole and alone, or is one of those that were said to be lost.
  public static func judge(
    _ delivered: [String], of path: String, against witnesses: [String], lost: Int
  ) -> [Violation] {
    var due = Dictionary(grouping: witnesses, by: { $0 }).mapValues(\.count)
    let known = Set(witnesses)
    var found: [Violation] = []
    for line in delivered {
      guard let count = due[line] else {
        found.append(Violation(.delivery, "\(path): \(kind(of: line, known)): \(line.prefix(300))"))
        continue
      }
      due[line] = count == 1 ? nil : count - 1
    }
    let missing = due.values.reduce(0, +)
    if missing != lost {
      let example = due.keys.first.map { ", one is \($0.prefix(200))" } ?? ""
      found.append(
        Violation(
          .delivery, "\(path): \(missing) lines are missing, \(lost) are said to be\(example)"))
    }
    return found
  }

  private static func kind(of line: String, _ known: Set<String>) -> String {
    if known.contains(line) { return "came twice" }
    let isTorn = known.contains { $0.contains(line) }
    return isTorn ? "torn" : "joined, or nobody's"
  }

  /// How many lines of a log an error log says were lost, of all workers.
  public static func lostCount(of path: String, in errorLog: [String]) -> Int {
    let reason = " log lines were lost, because this log could not be written: \(path), "
    return errorLog.reduce(0) { sum, line in
      guard let range = line.firstRange(of: reason) else { return sum }
      let digits = line[..<range.lowerBound].reversed().prefix { $0.isNumber }
      return sum + (Int(String(digits.reversed())) ?? 0)
    }
  }
}

extension Evidence {
  /// The access log and the second error log have what their witnesses have.
  func judgeDelivery() -> [Violation] {
    guard scenario.conf.operation.isWatched else { return [] }
    let errors = world.logs.lines(of: "/error")
    let isJoined = scenario.conf.operation.joinsLogs
    var complaints = isJoined ? [] : complaintLines
    var accesses = accessLines
    if isJoined {
      complaints = accesses.filter { !$0.hasPrefix("{") }
      accesses = accesses.filter { $0.hasPrefix("{") }
    }
    let lost = [("/log", accesses, world.logs.lines(of: Operation.witness))]
    let all = lost + [(Operation.complaints, complaints, errors)]
    return all.flatMap { path, lines, witnesses in
      DeliveryOracle.judge(
        lines, of: path, against: witnesses,
        lost: DeliveryOracle.lostCount(of: path, in: errors))
    }
  }
}
