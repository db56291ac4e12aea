import Policy

/// What a path is for that Waybill makes itself. A log, a socket and a PID file at one path would
/// replace or refuse each other when the process starts.
enum OwnPathUse: String {
  case log = "a log"
  case listener = "a listening socket"
  case control = "the control socket"
  case processID = "the PID file"
}

extension ConfigurationBuilder {
  /// Notes that `path`, which stands at `place`, is for `use`; reports it when it is for something
  /// else already.
  func claim(_ path: String, for use: OwnPathUse, at place: Place) {
    let key = Self.canonical(path)
    // Where nothing is kept, nothing is replaced.
    guard key != "/dev/null" else { return }
    guard let first = ownPaths[key] else {
      ownPaths[key] = (use, place)
      return
    }
    guard first.use != use else { return }
    let line = reporter.describe(first.place, from: place)
    reporter.error(
      place, "\"\(path)\" is already the path of \(first.use.rawValue) at \(line)",
      expected: "a path that nothing else uses")
  }

  /// The path without what does not change its meaning: `//` and `/./`.
  private static func canonical(_ path: String) -> String {
    let parts = path.split(separator: "/").filter { $0 != "." }
    return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }
}
