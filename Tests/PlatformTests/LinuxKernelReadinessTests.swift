// When `wait` returns and what it reports.

import Basics
import CLinux
import Glibc
import HTTP
import Platform
import Testing

@Suite struct LinuxKernelReadinessTests {
  @Test func deadlineIsNeverEarlyAndPastOnesDoNotWait() throws {
    var kernel = try makeKernel()
    for microseconds in [0, 1, 300, 1500] as [UInt64] {
      let deadline = kernel.now() + Interval(nanoseconds: microseconds * 1000)
      let memory = UnsafeMutableBufferPointer<KernelEvent>.allocate(capacity: 1)
      defer { memory.deallocate() }
      #expect(kernel.wait(into: memory, until: deadline) == 0)
      #expect(kernel.now() >= deadline)
      #expect(kernel.wait(into: memory, until: Instant(nanoseconds: 0)) == 0)
    }
  }

  @Test func clocksRun() throws {
    var kernel = try makeKernel()
    let before = kernel.now()
    let wall = kernel.wallClock()
    #expect(wall.microseconds / 1_000_000 >= 1_700_000_000)
    #expect(wall.microseconds / 1_000_000 <= UInt64(time(nil)) + 1)
    var local = tm()
    var seconds = time_t(wall.microseconds / 1_000_000)
    localtime_r(&seconds, &local)
    #expect(Int(wall.utcOffset) == local.tm_gmtoff)
    #expect(kernel.now() >= before)
  }

  /// Each change once: what is not read is not reported again, until more comes.
  @Test func readinessIsEdgeTriggered() throws {
    var kernel = try makeKernel()
    let pair = try SocketPair(&kernel)
    #expect(kernel.watch(pair.ours, token: 42) == nil)
    #expect(kernel.readiness(of: 42) == .writable)
    #expect(kernel.readiness(of: 42, within: 0) == [])
    pair.peerSends("a")
    #expect(kernel.readiness(of: 42).contains(.readable))
    #expect(kernel.readiness(of: 42, within: 0) == [])
    pair.peerSends("b")
    #expect(kernel.readiness(of: 42).contains(.readable))
    #expect(kernel.readText(pair.ours).0 == "ab")
    kernel.unwatch(pair.ours)
    pair.peerSends("c")
    #expect(kernel.readiness(of: 42, within: 20) == [])
    // What is there already is reported when watching begins.
    #expect(kernel.watch(pair.ours, token: 43) == nil)
    #expect(kernel.readiness(of: 43).isSuperset(of: [.readable, .writable]))
    kernel.close(pair.ours)
    pair.peerCloses()
  }

  @Test func endOfPeerIsReportedWithoutReading() throws {
    var kernel = try makeKernel()
    let pair = try SocketPair(&kernel)
    #expect(kernel.watch(pair.ours, token: 1) == nil)
    #expect(kernel.readiness(of: 1) == .writable)
    shutdown(pair.peer, Int32(SHUT_WR))
    let readiness = kernel.readiness(of: 1)
    #expect(readiness.isSuperset(of: [.readable, .peerClosed]))
    #expect(!readiness.contains(.failed))
    kernel.shutdownWriting(pair.ours)
    #expect(kernel.readiness(of: 1).contains(.failed))
    kernel.close(pair.ours)
    pair.peerCloses()
  }

  @Test func tokensCarryAll64BitsAndEventsAreBounded() throws {
    var kernel = try makeKernel()
    let pairs = try (0..<3).map { _ in try SocketPair(&kernel) }
    for (index, pair) in pairs.enumerated() {
      #expect(kernel.watch(pair.ours, token: 0xfedc_ba98_7654_3210 + UInt64(index)) == nil)
    }
    var tokens: Set<UInt64> = []
    for _ in 0..<3 {
      let events = kernel.events(capacity: 1)
      #expect(events.count == 1)
      tokens.formUnion(events.map(\.token))
    }
    #expect(tokens == Set((0..<3).map { 0xfedc_ba98_7654_3210 + UInt64($0) }))
    for pair in pairs {
      kernel.close(pair.ours)
      pair.peerCloses()
    }
  }

  /// A listener is reported as long as somebody waits there, and not after `unwatch`.
  @Test func listenersAreLevelTriggered() throws {
    var kernel = try makeKernel()
    let sockets = try ListeningSockets([ListenAddress(address: loopback(0))], workers: 1)
    let listener = sockets.descriptors(ofWorker: 0)[0]
    #expect(kernel.watchListener(listener, token: 8) == nil)
    #expect(kernel.readiness(of: 8, within: 0) == [])
    let client = try #require(kernel.connect(to: sockets.bound[0], unixPath: .empty).descriptor)
    #expect(kernel.readiness(of: 8) == .readable)
    #expect(kernel.readiness(of: 8) == .readable)
    kernel.unwatch(listener)
    #expect(kernel.readiness(of: 8, within: 20) == [])
    #expect(kernel.watchListener(listener, token: 9) == nil)
    #expect(kernel.readiness(of: 9) == .readable)
    kernel.close(listener)
    kernel.close(client)
  }

  /// The open file of a shared unix listener outlives each worker's descriptor of it.
  @Test func aClosedSharedListenerIsNotReported() throws {
    var kernel = try makeKernel()
    let folder = try TemporaryFolder()
    let address = ListenAddress(address: .unix, unixPath: folder.path + "/a.sock")
    let sockets = try ListeningSockets([address], workers: 2)
    let first = try sockets.shares(ofWorker: 0, of: 2)[0].descriptor
    let second = try sockets.shares(ofWorker: 1, of: 2)[0].descriptor
    #expect(kernel.watchListener(first, token: 1) == nil)
    kernel.close(first)
    let arena = Arena()
    let path = arena.freeze(address.unixPath)
    let client = try #require(kernel.connect(to: .unix, unixPath: path).descriptor)
    #expect(kernel.readiness(of: 1, within: 20) == [])
    #expect(kernel.watchListener(second, token: 2) == nil)
    #expect(kernel.readiness(of: 2) == .readable)
    kernel.close(second)
    kernel.close(client)
  }
}

@Suite struct WorkerMailboxTests {
  @Test func postedCommandsAreTakenOnce() throws {
    let mailbox = try WorkerMailbox()
    var kernel = LinuxKernel(mailbox: mailbox)
    #expect(kernel.takeCommands() == [])
    mailbox.post(.reopenLogs)
    mailbox.post(.drain)
    mailbox.post(.drain)
    #expect(kernel.events().map(\.token) == [KernelEvent.wakeToken])
    #expect(kernel.takeCommands() == [.reopenLogs, .drain])
    #expect(kernel.takeCommands() == [])
    #expect(kernel.events(within: 0).isEmpty)
  }

  /// Nobody empties the bell, yet each post wakes anew.
  @Test func everyPostWakes() throws {
    let mailbox = try WorkerMailbox()
    var kernel = LinuxKernel(mailbox: mailbox)
    for _ in 0..<5 {
      mailbox.post(.reopenLogs)
      #expect(kernel.events().map(\.token) == [KernelEvent.wakeToken])
      #expect(kernel.takeCommands() == .reopenLogs)
    }
  }

  @Test func wakesAWorkerThatWaitsOnAnotherThread() throws {
    let mailbox = try WorkerMailbox()
    let threads = try WorkerThreads()
    let taken = Taken()
    try threads.start(name: "waits") {
      var kernel = LinuxKernel(mailbox: mailbox)
      while !taken.commands.contains(.stop) {
        let count = kernel.events(within: 10_000).count
        if count == 0 { return }
        taken.add(kernel.takeCommands())
      }
    }
    for command in [WorkerCommands.reopenLogs, .drain, .stop] {
      mailbox.post(command)
      while !taken.commands.contains(command) && threads.runningCount > 0 { usleep(500) }
    }
    while threads.runningCount > 0 { usleep(500) }
    #expect(taken.commands == [.reopenLogs, .drain, .stop])
  }
}
