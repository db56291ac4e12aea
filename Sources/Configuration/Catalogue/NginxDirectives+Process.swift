/// Process and events: what nginx has and Waybill does not do as such.
extension NginxDirectives {
  static let process: [Group] = [
    Group(
      .needless, "Waybill always runs in the foreground, as service managers expect.",
      [
        Entry("daemon", .main, .flag),
        Entry("master_process", .main, .flag),
      ]),
    Group(
      .needless, "Timers take no system calls.",
      [
        Entry("timer_resolution", .main, .time)
      ]),
    Group(
      .needless, "The kernel distributes connections among the workers.",
      [
        Entry("lock_file", .main, .word),
        Entry("multi_accept", .events, .flag),
        Entry("accept_mutex", .events, .flag),
        Entry("accept_mutex_delay", .events, .time),
      ]),
    Group(
      .needless, "The service manager controls core files and the working directory.",
      [
        Entry("debug_points", .main, .word),
        Entry("worker_rlimit_core", .main, .offset),
        Entry("working_directory", .main, .word),
      ]),
    Group(
      .needless, "The service manager sets priority and CPU affinity (`Nice=`, `CPUAffinity=`).",
      [
        Entry("worker_priority", .main, .word),
        Entry("worker_cpu_affinity", .main, .words(.atLeast(1))),
      ]),
    Group(
      .needless, "Waybill raises its limit on open files to the hard limit itself.",
      [
        Entry("worker_rlimit_nofile", .main, .number)
      ]),
    Group(
      .needless, "Waybill does not read the environment variables that this keeps.",
      [
        Entry("env", .main, .word)
      ]),
    Group(
      .needless, "There are no modules: each directive of a module is checked individually.",
      [
        Entry("load_module", .main, .word)
      ]),
    Group(
      .needless, "Waybill always uses epoll.",
      [
        Entry(
          "use", .events, .choice(["epoll", "poll", "select", "kqueue", "eventport", "/dev/poll"]))
      ]),
    Group(
      .needless, "`debug_request` logs the history of individual requests.",
      [
        Entry("debug_connection", .events, .word)
      ]),
    Group(
      .needless, "It configures asynchronous file reading, which Waybill does not have.",
      [
        Entry("worker_aio_requests", .events, .number),
        Entry("thread_pool", .main, .words(1...3)),
      ]),
    Group(
      .needless, "Expressions are compiled to machine code where possible.",
      [
        Entry("pcre_jit", .main, .flag)
      ]),
    Group(
      .needless, "There is no license to report.",
      [
        Entry("mgmt", .main, .block(0...0))
      ]),
    Group(
      .needless, "Use `worker_connections`.",
      [
        Entry("connections", .events, .number)
      ]),
  ]
}
