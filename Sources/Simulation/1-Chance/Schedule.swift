import Basics

/// Something that happens at its time without the program under test asking for it.
enum Action {
  /// Bytes under way from this end arrive at its peer.
  case deliver(Endpoint.ID)
  /// The peer's reset arrives at this end.
  case resetArrives(Endpoint.ID)
  /// A connect that the program began is answered.
  case settleConnect(Endpoint.ID, backend: Int?, outcome: ConnectOutcome)
  /// A squeezed write may go on.
  case endSqueeze(Endpoint.ID)
  /// A client's connect reaches the listener.
  case clientConnects(Int)
  /// A scripted peer goes on, or looks at what it was woken for.
  case stepPeer(Int)
  /// What a test asked for happens: an index into the world's scheduled closures.
  case runScheduled(Int)
}

/// The actions to come, in the order of their times; chance decides among equal times.
struct Schedule {
  private struct Entry {
    let time: Instant
    let tieBreak: UInt64
    let sequence: UInt64
    let action: Action
    let isBackground: Bool

    func comes(before other: Entry) -> Bool {
      (time.nanoseconds, tieBreak, sequence)
        < (other.time.nanoseconds, other.tieBreak, other.sequence)
    }
  }

  // The next one is the last, so that taking it moves nothing.
  private var entries: [Entry] = []
  private var added: UInt64 = 0

  /// Actions that keep the world from being quiet.
  private(set) var foregroundCount = 0

  /// Actions that have been taken out.
  private(set) var takenCount = 0

  /// When the next action comes; nil when none does.
  var nextTime: Instant? { entries.last?.time }

  /// Adds an action. A background one (a timer that will most likely find nothing to do) does not
  /// keep the world from being quiet. `tieBreak` is a random number.
  mutating func add(
    _ action: Action, at time: Instant, tieBreak: UInt64, isBackground: Bool = false
  ) {
    added += 1
    let entry = Entry(
      time: time, tieBreak: tieBreak, sequence: added, action: action, isBackground: isBackground)
    entries.insert(entry, at: position(of: entry))
    if !isBackground { foregroundCount += 1 }
  }

  /// Takes the next action out if its time has come at `now`.
  mutating func takeNext(dueAt now: Instant) -> Action? {
    guard let entry = entries.last, entry.time <= now else { return nil }
    entries.removeLast()
    takenCount += 1
    if !entry.isBackground { foregroundCount -= 1 }
    return entry.action
  }

  /// Where `entry` belongs: behind all that come later than it.
  private func position(of entry: Entry) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entry.comes(before: entries[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
