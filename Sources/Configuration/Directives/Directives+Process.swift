import Basics
import Plan
import Policy

/// What concerns the process as a whole.
extension DirectiveCatalog {
  static let process: [Directive] = [
    Directive(
      "worker_threads", in: .main, "NUMBER | auto", default: "auto",
      """
      The number of threads that serve requests. `auto`: one per processor that the process may \
      use. (Waybill's workers are threads of one process.)
      """
    ) { $0.workerThreads($1) },
    Directive(
      "worker_processes", in: .main, "NUMBER | auto", default: "auto",
      "nginx's name for `worker_threads`. (nginx's default is `1`.)"
    ) { $0.workerThreads($1) },
    Directive(
      "worker_connections", in: [.main, .events], "NUMBER", default: "16384",
      """
      Maximum number of sockets per worker, clients' and backends' together. Beyond it, idle \
      kept-alive connections are closed first, oldest first, then connections without a complete \
      request head; if there are none, new clients get a 503.
      """
    ) { builder, use in
      builder.process.workerConnections = builder.number(use.arguments[0], 1...16_777_216).map {
        max(2, $0)
      }
    },
    Directive(
      "pid", in: .main, "PATH | off", default: "off",
      "The file that contains the process ID, for `waybill -s`."
    ) { builder, use in
      let path = use.arguments[0]
      guard path.text != "off" else { return }
      guard !path.text.isEmpty else { return builder.invalidValue(path, expected: ["a path"]) }
      builder.claim(path.text, for: .processID, at: path.place)
      builder.process.pidPath = path.text
    },
    Directive(
      "user", in: .main, "NAME [GROUP]", count: 1...2,
      """
      The user and group that the process switches to once its sockets are open. Without GROUP, \
      the user's own group. Only root can do this.
      """
    ) { builder, use in
      if let empty = use.arguments.first(where: \.text.isEmpty) {
        return builder.invalidValue(empty, expected: ["a name"])
      }
      builder.process.user = use.arguments[0].text
      builder.process.group = use.arguments.count > 1 ? use.arguments[1].text : nil
    },
    Directive(
      "control", in: .main, "unix:PATH [MODE] | off", count: 1...2, default: "off",
      """
      The socket through which `waybill requests`, `waybill errors` and `waybill status` query the \
      running process. MODE is the mode of its file, 0600 by default. Only root, the user that the \
      process runs as and, with 0660, members of the file's group may connect.
      """
    ) { builder, use in builder.control(use) },
    Directive(
      "shutdown_timeout", in: .main, "TIME", default: "30s",
      """
      How long running requests may continue after `SIGTERM` or `SIGQUIT`, and in the old process \
      of an upgrade; 0 ends them at once. After a reload, `worker_shutdown_timeout` applies.
      """
    ) { builder, use in
      builder.process.shutdownTimeout = builder.time(use.arguments[0], mayBeZero: true)
    },
    Directive(
      "worker_shutdown_timeout", in: .main, "TIME", default: "0s",
      """
      How long running requests and tunnels may continue in workers replaced by a reload and, \
      instead of `shutdown_timeout`, in the old process of an upgrade; those still running are \
      then cut. The value in the replaced configuration applies. After `SIGTERM` or `SIGQUIT`, the \
      shorter of both times applies. 0 means no limit, but when more than 64 earlier \
      configurations still have requests or tunnels, the oldest is ended.
      """
    ) { builder, use in
      let time = builder.time(use.arguments[0], mayBeZero: true)
      builder.process.workerShutdownTimeout = time.flatMap { $0.nanoseconds == 0 ? nil : $0 }
    },
    Directive(
      "shutdown_delay", in: .main, "TIME", default: "0s",
      """
      How long Waybill keeps accepting connections after `SIGTERM` or `SIGQUIT`, so that load \
      balancers notice the shutdown: from the signal on, locations with `health` return 503, and \
      each response closes its connection. `shutdown_timeout` starts afterwards.
      """
    ) { builder, use in
      builder.process.shutdownDelay = builder.time(use.arguments[0], mayBeZero: true)
    },
  ]
}

extension ConfigurationBuilder {
  fileprivate func workerThreads(_ use: DirectiveUse) {
    guard use.arguments[0].text != "auto" else { return }
    let range = 1...UInt64(ConfigurationLimits.workerThreads)
    process.workerThreads = number(use.arguments[0], range).map { Int($0) }
  }

  /// The rights of the control socket's file when none are given: its owner's only.
  private static var usualControlMode: UInt32 { 0o600 }

  /// `control`
  fileprivate func control(_ use: DirectiveUse) {
    let word = use.arguments[0]
    let mode = use.arguments.count > 1 ? use.arguments[1] : nil
    if word.text == "off", mode == nil { return }
    guard word.text.hasPrefix("unix:") else {
      return invalidValue(word, expected: ["unix:/absolute/path", "off"])
    }
    guard let endpoint = unixEndpoint(String(word.text.dropFirst(5)), at: word.place) else {
      return
    }
    claim(endpoint.unixPath, for: .control, at: word.place)
    var control = ControlPlan(path: endpoint.unixPath, mode: Self.usualControlMode)
    if let mode {
      guard let rights = controlMode(mode) else { return }
      control.mode = rights
    }
    process.control = control
  }

  private func controlMode(_ word: Word) -> UInt32? {
    let isOctal =
      (3...4).contains(word.text.utf8.count)
      && word.text.utf8.allSatisfy { (0x30...0x37).contains($0) }
    guard isOctal, let mode = UInt32(word.text, radix: 8), mode & ~0o770 == 0,
      mode & 0o600 == 0o600
    else {
      invalidValue(word, expected: ["0600", "0660"])
      return nil
    }
    return mode
  }
}
