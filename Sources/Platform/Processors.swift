// How many workers `worker_threads auto` means: what the process may use, not what the machine has.

import CLinux

/// The processors of this process.
public enum Processors {
  /// Processors that the scheduler gives to this process, within the quota of its cgroup (version
  /// 2) and those around it, rounded up; at least 1.
  public static var available: Int {
    let allowed = Int(clinux_available_processors())
    guard let path = cgroup(from: text("/proc/self/cgroup")) else { return allowed }
    return limits(ofGroup: path).reduce(allowed) { min($0, $1) }
  }

  /// The quota in a `cpu.max` file ("200000 100000": microseconds in each period), in processors;
  /// nil when there is none ("max 100000").
  static func limit(from text: String) -> Int? {
    let words = text.split { $0.isWhitespace }
    guard words.count == 2, let quota = Int(words[0]), let period = Int(words[1]), quota > 0,
      period > 0
    else { return nil }
    return max(1, quota / period + (quota % period == 0 ? 0 : 1))
  }

  /// The path in the line of version 2 of a `/proc/self/cgroup` file.
  static func cgroup(from text: String) -> String? {
    let line = text.split(separator: "\n").first { $0.hasPrefix("0::/") }
    return line.map { String($0.dropFirst(3)) }
  }

  /// The quotas of a group and of all groups around it.
  private static func limits(ofGroup path: String) -> [Int] {
    var names = path.split(separator: "/")
    var limits: [Int] = []
    while true {
      let folder = (["/sys/fs/cgroup"] + names.map(String.init)).joined(separator: "/")
      if let limit = limit(from: text(folder + "/cpu.max")) { limits.append(limit) }
      if names.popLast() == nil { return limits }
    }
  }

  /// A small file of the kernel's; empty when it is not there.
  private static func text(_ path: String) -> String {
    guard case .success(let bytes) = FileContent.read(path: path, limit: 65_536) else { return "" }
    return String(decoding: bytes, as: UTF8.self)
  }
}
