// The process: its pid file, threads, signals, files, names and processors.

import Basics
import Glibc
import HTTP
import Testing

@testable import Platform

@Suite struct PIDFileTests {
  @Test func isWrittenReadAndRemoved() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/waybill.pid"
    let file = try PIDFile(path: path)
    try file.claim()
    #expect(try PIDFile.read(path: path) == getpid())
    file.remove()
    #expect(access(path, F_OK) != 0)
  }

  @Test func replacesAnOldOneAndLeavesAnothers() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/waybill.pid"
    write("123456789\n", to: path)
    let file = try PIDFile(path: path)
    try file.claim()
    #expect(try PIDFile.read(path: path) == getpid())
    unlink(path)
    write("1\n", to: path)
    file.remove()
    #expect(try PIDFile.read(path: path) == 1)
  }

  @Test(arguments: ["", "\n", "x\n", "-1\n", "0\n", "12x\n", "99999999999\n"])
  func holdsNoNumber(text: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/waybill.pid"
    write(text, to: path)
    let problem = #expect(throws: ProcessProblem.self) { try PIDFile.read(path: path) }
    #expect(problem?.message == "pid file \(path): contains no process ID")
  }

  @Test func canNotBeWrittenOrRead() {
    let problem = ProcessProblem(
      message: "pid file /does/not/exist: no such file or directory")
    #expect(throws: problem) { try PIDFile(path: "/does/not/exist") }
    #expect(throws: problem) { try PIDFile.read(path: "/does/not/exist") }
  }

  /// A number alone proves nothing: this process has not written the file.
  @Test func aNumberThatMeansAnotherProcessIsRefused() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/waybill.pid"
    write("\(getppid())\n", to: path)
    let problem = #expect(throws: ProcessProblem.self) { _ = try PIDFile.running(path: path) }
    #expect(problem?.message.contains("nothing was sent") == true)
    write("\(Int32.max)\n", to: path)
    #expect(throws: ProcessProblem.self) { _ = try PIDFile.running(path: path) }
  }

  /// Root writes through no link, and into no file of another name, in a folder of others.
  @Test(.enabled(if: geteuid() == 0)) func rootFollowsNobodysLink() throws {
    let folder = try TemporaryFolder()
    chown(folder.path, 65_534, 65_534)
    write("precious\n", to: folder.path + "/target")
    let path = folder.path + "/waybill.pid"
    symlink(folder.path + "/target", path)
    #expect(throws: ProcessProblem.self) { try PIDFile(path: path) }
    unlink(path)
    link(folder.path + "/target", path)
    #expect(throws: ProcessProblem.self) { try PIDFile(path: path) }
    #expect(PIDFile.check(path: path) != nil)
    unlink(path)
    #expect(PIDFile.check(path: path) == nil)
    #expect(access(path, F_OK) != 0)
  }

  /// What a start refuses the check refuses, with the same words; what it takes, the check takes.
  @Test func theCheckSaysWhatAStartWouldSay() throws {
    let folder = try TemporaryFolder()
    let (fifo, path) = (folder.path + "/fifo", folder.path + "/waybill.pid")
    #expect(mkfifo(fifo, 0o600) == 0)
    for refused in [fifo, "/dev/full", "/dev/zero", folder.path, folder.path + "/x/y"] {
      let check = PIDFile.check(path: refused)
      #expect(check != nil)
      let problem = #expect(throws: ProcessProblem.self) { try PIDFile(path: refused) }
      #expect(check == problem)
    }
    #expect(PIDFile.check(path: path) == nil)
    #expect(PIDFile.check(path: "/dev/null") == nil)
  }

  /// As in nginx, it means no pid file.
  @Test func theNullDeviceTakesEveryNumber() throws {
    let file = try PIDFile(path: "/dev/null")
    try file.claim()
    file.remove()
    #expect(access("/dev/null", W_OK) == 0)
    #expect(throws: ProcessProblem.self) { try PIDFile.running(path: "/dev/null") }
  }

  private func write(_ text: String, to path: String) {
    let file = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
    Glibc.write(file, text, text.utf8.count)
    close(file)
  }
}

@Suite struct ControlSignalsTests {
  /// Signals and the ends of threads come one by one, none is lost; no thread is interrupted. (The
  /// signals are sent to this thread: others are the testing library's and would die of them.)
  @Test func signalsAndEndsAreTakenInTurn() async {
    await #expect(processExitsWith: .success) {
      let signals = try ControlSignals()
      let threads = try WorkerThreads()
      let numbers = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2]
      for number in numbers { raise(number) }
      var seen: [ControlSignal] = []
      for _ in numbers {
        if case .signal(let signal, _) = signals.next(or: threads) { seen.append(signal) }
      }
      precondition(seen.filter { $0 == .terminate }.count == 2)
      precondition(Set(seen) == Set(ControlSignal.allCases))
      try threads.start(name: "a name too long for Linux") { usleep(1000) }
      precondition(signals.next(or: threads) == .threadEnded)
      precondition(threads.runningCount == 0)
      raise(SIGPIPE)
    }
  }
}

@Suite struct FileContentTests {
  @Test func readsUpToALimit() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/a.conf"
    let text = String(repeating: "0123456789", count: 20_000)
    let file = open(path, O_CREAT | O_WRONLY, 0o600)
    #expect(Glibc.write(file, text, 200_000) == 200_000)
    close(file)
    #expect(try FileContent.read(path: path, limit: 200_000).get() == Array(text.utf8))
    #expect(FileContent.read(path: path, limit: 199_999) == .failure(KernelError(code: EFBIG)))
    #expect(FileContent.read(path: path + "x", limit: 9) == .failure(KernelError(code: ENOENT)))
    #expect(FileContent.read(path: folder.path, limit: 9) == .failure(KernelError(code: EISDIR)))
  }

  @Test func findsFilesInOrder() throws {
    let folder = try TemporaryFolder()
    for name in ["b.conf", "a.conf", "c.txt"] {
      close(open(folder.path + "/" + name, O_CREAT | O_WRONLY, 0o600))
    }
    let found = FileContent.paths(matching: folder.path + "/*.conf")
    #expect(found == ["a.conf", "b.conf"].map { folder.path + "/" + $0 })
    #expect(FileContent.paths(matching: folder.path + "/*.none").isEmpty)
  }
}

@Suite struct HostNameTests {
  @Test func resolvesAddressesWithoutDuplicates() throws {
    #expect(try HostName.resolve("127.0.0.1").get() == [loopback(0)])
    #expect(
      try HostName.resolve("::1").get()
        == [PeerAddress(family: .ipv6, high: 0, low: 1, port: 0)])
    let local = try HostName.resolve("localhost").get()
    #expect(local.contains(loopback(0)))
    #expect(Set(local).count == local.count)
  }

  /// `.invalid` never exists (RFC 6761 section 6.4).
  @Test func saysWhyANameHasNoAddress() {
    guard case .failure(let problem) = HostName.resolve("waybill.invalid") else {
      Issue.record("resolved")
      return
    }
    #expect(problem.message.first?.isLowercase == true)
  }

  @Test func knowsItsOwn() { #expect(!HostName.own.isEmpty) }
}

@Suite struct ProcessorsTests {
  @Test(
    arguments: [
      ("max 100000\n", nil), ("200000 100000\n", 2), ("150000 100000\n", 2), ("1000 100000\n", 1),
      ("", nil), ("0 100000\n", nil), ("100000 0\n", nil), ("x y\n", nil), ("100000\n", nil),
    ] as [(String, Int?)])
  func quota(text: String, processors: Int?) {
    #expect(Processors.limit(from: text) == processors)
  }

  @Test(
    arguments: [
      ("0::/\n", "/"), ("0::/system.slice/waybill.service\n", "/system.slice/waybill.service"),
      ("12:cpu:/a\n0::/b\n", "/b"), ("12:cpu:/a\n", nil), ("", nil),
    ] as [(String, String?)])
  func group(text: String, path: String?) {
    #expect(Processors.cgroup(from: text) == path)
  }

  @Test func atLeastOneIsAvailable() { #expect(Processors.available >= 1) }
}

@Suite struct ProcessIdentityTests {
  @Test func unknownNames() {
    #expect(throws: ProcessProblem(message: "user no-such-user: no such user")) {
      try ProcessIdentity(user: "no-such-user", group: nil)
    }
    #expect(throws: ProcessProblem(message: "user root no-such-group: no such group")) {
      try ProcessIdentity(user: "root", group: "no-such-group")
    }
  }

  @Test(
    .enabled(if: ProcessIdentity.isSuperuser, "only the superuser can give rights up"),
    .disabled(
      if: getenv("ASAN_OPTIONS") != nil,
      "a leak check can't look into a process that has become somebody else"))
  func rightsAreGivenUpForGood() async {
    await #expect(processExitsWith: .success) {
      StandardStream.openAll()
      let identity = try ProcessIdentity(user: "nobody", group: nil)
      try identity.assume()
      precondition(geteuid() == identity.user && getegid() == identity.group)
      precondition(setuid(0) != 0)
      // stderr was opened in time.
      guard case .success = StandardStream.duplicate(2) else { preconditionFailure("no stderr") }
      guard (try? identity.assume()) == nil else { preconditionFailure("groups were kept") }
    }
  }
}

@Suite struct ProcessControlTests {
  @Test func descriptorLimitIsRaised() async {
    await #expect(processExitsWith: .success) {
      var limit = rlimit()
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      precondition(getrlimit(resource, &limit) == 0)
      limit.rlim_cur = 64
      precondition(setrlimit(resource, &limit) == 0)
      precondition(DescriptorReserve.keep(0) == UInt64(limit.rlim_max))
      precondition(getrlimit(resource, &limit) == 0 && limit.rlim_cur == limit.rlim_max)
    }
  }

  /// Files and connections of the operator get in when all other descriptors are in use, and what
  /// workers open does not take theirs.
  @Test func theOperatorHasDescriptorsOfHisOwn() async {
    await #expect(processExitsWith: .success) {
      // More than this process may have inherited from those that run beside it.
      var limit = rlimit(rlim_cur: 1_024, rlim_max: 1_024)
      precondition(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
      let folder = try TemporaryFolder()
      precondition(DescriptorReserve.keep(16) == 1_008)
      var kernel = try makeKernel()
      while dup(0) >= 0 {}
      precondition(errno == EMFILE)
      let path = folder.path + "/error.log"
      LogFile.append(Array("said\n".utf8), to: path)
      let content = try FileContent.read(path: path, limit: 9).get()
      precondition(content == Array("said\n".utf8))
      DescriptorReserve.use {
        let result = kernel.connect(to: loopback(1), unixPath: .empty)
        guard case .failed(let error) = result, error.code == EMFILE else {
          preconditionFailure("\(result)")
        }
        precondition(dup(0) >= 1_008)
      }
      precondition(dup(0) < 0)
    }
  }

  @Test func signalToNobody() {
    let error = #expect(throws: KernelError.self) { _ = try ProcessHandle(999_999_999) }
    #expect(error?.code == ESRCH)
  }
}

@Suite struct PeerAddressTextTests {
  @Test(arguments: [
    (loopback(80), "127.0.0.1:80"),
    (PeerAddress(family: .ipv6, high: 0, low: 0, port: 443), "[::]:443"),
    (PeerAddress(family: .ipv6, high: 0x2001_0db8_0000_0000, low: 1, port: 1), "[2001:db8::1]:1"),
    (.unix, "unix:"),
  ])
  func text(address: PeerAddress, text: String) { #expect(address.text == text) }
}
