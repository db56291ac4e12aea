/// Process and events: what nginx has and Waybill does not do as such.
extension NginxDirectives {
  static let process: [Group] = [
    Group(
      .needless, "Waybill runs in the foreground, as service managers want it.",
      [
        Entry("daemon", .main, .flag),
        Entry("master_process", .main, .flag),
      ]),
    Group(
      .needless, "Timers cost no system call.",
      [
        Entry("timer_resolution", .main, .time)
      ]),
    Group(
      .needless, "The kernel spreads connections over the workers.",
      [
        Entry("lock_file", .main, .word),
        Entry("multi_accept", .events, .flag),
        Entry("accept_mutex", .events, .flag),
        Entry("accept_mutex_delay", .events, .time),
      ]),
    Group(
      .needless, "Core files are the service manager's business.",
      [
        Entry("debug_points", .main, .word),
        Entry("worker_rlimit_core", .main, .offset),
        Entry("working_directory", .main, .word),
      ]),
    Group(
      .needless, "The service manager sets priority and processors (`Nice=`, `CPUAffinity=`).",
      [
        Entry("worker_priority", .main, .word),
        Entry("worker_cpu_affinity", .main, .words(.atLeast(1))),
      ]),
    Group(
      .needless, "Waybill raises its limit of open files to the hard limit itself.",
      [
        Entry("worker_rlimit_nofile", .main, .number)
      ]),
    Group(
      .needless, "Nothing in Waybill reads the environment that this keeps.",
      [
        Entry("env", .main, .word)
      ]),
    Group(
      .needless, "There are no modules: the directives of a module are judged one by one.",
      [
        Entry("load_module", .main, .word)
      ]),
    Group(
      .needless, "It is always epoll.",
      [
        Entry(
          "use", .events, .choice(["epoll", "poll", "select", "kqueue", "eventport", "/dev/poll"]))
      ]),
    Group(
      .needless, "`debug_request` tells the history of single requests.",
      [
        Entry("debug_connection", .events, .word)
      ]),
    Group(
      .needless, "It concerns how files are read, and Waybill serves none.",
      [
        Entry("worker_aio_requests", .events, .number),
        Entry("thread_pool", .main, .words(1...3)),
      ]),
    Group(
      .needless, "Expressions are compiled to machine code where that is possible.",
      [
        Entry("pcre_jit", .main, .flag)
      ]),
    Group(
      .needless, "There is no licence to report.",
      [
        Entry("mgmt", .main, .block(0...0))
      ]),
    Group(
      .needless, "`worker_connections` has its place.",
      [
        Entry("connections", .events, .number)
      ]),
  ]
}
