/// Bounds on conf files, besides those in `Limits`. Each has its unit in the name and its reason.
enum ConfigurationLimits {
  /// Bytes of one file: thousands of servers fit, a log file given by mistake does not.
  static let fileBytes = 16 * 1024 * 1024
  /// Bytes of one word: a long text for `return` fits, a quote that was never closed does not.
  static let wordBytes = 64 * 1024
  /// Blocks within blocks: nothing nests deeper than `server` > `location`.
  static let blockDepth = 16
  /// Bytes of a unix socket's path: what `sun_path` holds with its zero.
  static let unixPathBytes = 107
  /// Bytes of a socket unit's `FileDescriptorName=`, as systemd has it.
  static let socketNameBytes = 255
  /// Largest `worker_threads`: more threads than any machine has cores.
  static let workerThreads = 1024
}
