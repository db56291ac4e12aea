// What a process passes on to the one that takes its place, and how the two speak.

import Glibc
import HTTP
import Testing

@testable import Platform

@Suite struct HandoverChannelTests {
  @Test func messagesStayApart() throws {
    let (old, new) = try HandoverChannel.pair()
    #expect(old.receive() == .nothing)
    new.send(.ready)
    new.send(.serves, Array("all".utf8))
    #expect(old.receive() == .word(.ready, []))
    #expect(old.receive(withinMilliseconds: 1_000) == .word(.serves, Array("all".utf8)))
    #expect(old.receive(withinMilliseconds: 1) == .nothing)
  }

  @Test func aLongReasonIsCut() throws {
    let (old, new) = try HandoverChannel.pair()
    #expect(new.send(.failed, Array(repeating: 1, count: 100_000)))
    guard case .word(.failed, let reason) = old.receive() else {
      Issue.record("no reason came")
      return
    }
    #expect(reason.count == 65_535)
  }

  @Test func theOtherEndMayBeGoneOrStrange() throws {
    let old = try channelOfAStranger()
    #expect(old.receive() == .end)
    #expect(old.receive() == .end)
    #expect(!old.send(.begin))
  }

  /// The other end has said something that means nothing, and is gone.
  private func channelOfAStranger() throws -> HandoverChannel {
    let (old, new) = try HandoverChannel.pair()
    #expect(send(new.descriptor, [UInt8(ascii: "?")], 1, 0) == 1)
    return old
  }
}

@Suite struct ChildProcessTests {
  private func start(_ script: String, keeping kept: [Descriptor] = []) throws -> ChildProcess {
    try ChildProcess(
      path: "/bin/sh", arguments: ["-c", script], adding: "ADDED=1", dropping: "PATH",
      keeping: kept)
  }

  @Test func itsEndIsKnown() throws {
    #expect(try start("exit 7").awaitEnd() == .exited(7))
    #expect(try start("kill -KILL $$").awaitEnd() == .signalled(SIGKILL))
    #expect(try start("exec sleep 60").end() == .ended)
  }

  @Test func itsEnvironmentIsOursButForTwo() throws {
    #expect(try start("test \"$ADDED\" = 1").awaitEnd() == .exited(0))
    #expect(try start("env | grep -q ^PATH=").awaitEnd() != .exited(0))
  }

  @Test func itGetsTheDescriptorsThatAreKept() throws {
    let (first, second) = try HandoverChannel.pair()
    let kept = Descriptor(number: first.descriptor)
    let script =
      "test -e /proc/self/fd/\(first.descriptor)"
      + " && ! test -e /proc/self/fd/\(second.descriptor)"
    #expect(try start(script, keeping: [kept]).awaitEnd() == .exited(0))
    #expect(try start(script).awaitEnd() == .exited(1))
  }

  @Test func aProgramThatIsNotThere() {
    let error = #expect(throws: KernelError.self) {
      try ChildProcess(
        path: "/does/not/exist", arguments: [], adding: "A=1", dropping: "B", keeping: [])
    }
    #expect(error?.code == ENOENT)
  }
}

@Suite struct PassedDescriptorTests {
  @Test(arguments: [nil, "", "web", "m", "a b"])
  func namesComeThrough(name: String?) {
    let passed = PassedDescriptor(Descriptor(number: 12), managersName: name)
    #expect(PassedDescriptor(Substring(passed.text)) == passed)
  }

  @Test(arguments: ["", "m", "x1", "-1", "99999999999"])
  func othersAreNone(text: Substring) {
    #expect(PassedDescriptor(text) == nil)
  }
}

@Suite struct OrderAnswerTests {
  @Test func onlyTheProcessThatWasAskedIsHeard() throws {
    let answers = try OrderAnswer()
    let asker = Asker(process: getpid(), token: answers.token)
    #expect(answers.next(from: getpid(), withinMilliseconds: 1) == nil)
    OrderAnswer.send("serves", to: asker)
    #expect(answers.next(from: getpid(), withinMilliseconds: 1_000) == "serves")
    OrderAnswer.send("a lie", to: asker)
    #expect(answers.next(from: getpid() + 1, withinMilliseconds: 100) == nil)
    OrderAnswer.send("nobody is there", to: Asker())
  }

  /// Strangers who connect first neither are heard nor keep the answer away, and who listens under
  /// another process' number gets nothing.
  @Test func strangersAreTurnedAway() throws {
    let answers = try OrderAnswer()
    let name = "\0waybill-answer-" + String(answers.token, radix: 16)
    let stranger = try LocalStream(path: name)
    OrderAnswer.send("for somebody else", to: Asker(process: getppid(), token: answers.token))
    OrderAnswer.send("mine", to: Asker(process: getpid(), token: answers.token))
    let heard = answers.next(from: getpid(), withinMilliseconds: 1_500)
    // The stranger is this process, too: it is silent until its time is over.
    #expect(heard == "mine")
    _ = stranger.write([], withinMilliseconds: 1)
  }

  /// Two askers at a time have names of their own.
  @Test func namesCanNotBeForeseen() throws {
    let first = try OrderAnswer()
    let second = try OrderAnswer()
    #expect(first.token != second.token)
  }
}

@Suite struct TakenSocketsTests {
  /// What a former process of `workers` workers passes on for one TCP address.
  private func inherited(
    workers: Int, _ address: ListenAddress
  ) throws -> (InheritedSockets, ListenAddress) {
    let sockets = try ListeningSockets([address], workers: workers)
    let passed = sockets.passedOn
    let channel = try HandoverChannel.pair().0
    let inherited = InheritedSockets.take(
      from: Predecessor(channel: channel, descriptors: passed))
    var bound = address
    if address.unixPath.isEmpty { bound.address = sockets.bound[0] }
    return (inherited, bound)
  }

  @Test(arguments: [(1, 1), (2, 2), (3, 1), (5, 2), (1, 3), (2, 5)])
  func eachIsTakenByAWorker(before: Int, after: Int) throws {
    let (inherited, address) = try inherited(
      workers: before, ListenAddress(address: loopback(0)))
    #expect(inherited.sockets.count == before)
    var sockets = try ListeningSockets([address], workers: after, inherited: inherited)
    defer { sockets.closeAll() }
    let shares = try (0..<after).map { try sockets.shares(ofWorker: $0, of: after) }
    let all = shares.joined().map(\.descriptor)
    defer { for share in all { Glibc.close(share.number) } }
    let taken = Set(all.map { FileIdentity(ofDescriptor: $0.number) })
    let given = Set(inherited.sockets.map { FileIdentity(ofDescriptor: $0.descriptor.number) })
    #expect(taken == given && Set(all).count == all.count && all.count == max(before, after))
    #expect(shares.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.address == 0 } })
    // And once more: nothing is passed on twice.
    #expect(sockets.passedOn.count == before)
  }

  @Test func aUnixSocketIsPassedOnOnce() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/front.sock"
    let (inherited, address) = try inherited(
      workers: 3, ListenAddress(address: .unix, unixPath: path))
    #expect(inherited.sockets.map(\.unixPath) == [path])
    var sockets = try ListeningSockets([address], workers: 2, inherited: inherited)
    defer { sockets.closeAll() }
    #expect(sockets.passedOn.count == 1)
    sockets.removeSocketFiles(andTakenOnes: false)
    #expect(access(path, F_OK) == 0)
    sockets.removeSocketFiles()
    #expect(access(path, F_OK) != 0)
    // Nobody could reach it.
    #expect(sockets.passedOn.isEmpty)
  }

  /// Both families of one port, each with sockets of its own.
  @Test func oneFamilyDoesNotStandForTheOther() throws {
    let (inherited, address) = try inherited(
      workers: 2, ListenAddress(address: PeerAddress(family: .ipv4, high: 0, low: 0, port: 0)))
    var other = address
    other.address = PeerAddress(family: .ipv6, high: 0, low: 0, port: address.address.port)
    #expect(inherited.sockets(for: address).count == 2)
    #expect(inherited.sockets(for: other).isEmpty)
  }

  @Test func whatNobodyWantsIsEnded() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/front.sock"
    let (inherited, _) = try inherited(
      workers: 1, ListenAddress(address: .unix, unixPath: path))
    inherited.abandonAll(but: [ListenAddress(address: .unix, unixPath: path)])
    #expect(access(path, F_OK) == 0)
    inherited.abandonAll(but: [])
    #expect(access(path, F_OK) != 0)
    // The numbers may be another's by now.
    var rest = inherited
    rest.forgetTaken()
    #expect(rest.sockets.isEmpty)
  }
}

@Suite struct PassedPIDFileTests {
  @Test func itIsClaimedWithoutTheRightToOpenIt() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/waybill.pid"
    let old = try PIDFile(path: path)
    let channel = try HandoverChannel.pair().0
    let predecessor = Predecessor(channel: channel, descriptors: [old.passedOn])
    let new = try PIDFile(path: path, from: predecessor)
    #expect(new.passedOn == old.passedOn)
    #expect(throws: ProcessProblem.self) { try PIDFile.read(path: path) }
    try new.claim()
    #expect(try PIDFile.read(path: path) == getpid())
    // A longer number is replaced whole.
    #expect(pwrite(new.passedOn.descriptor.number, "123456789012\n", 13, 0) == 13)
    try new.claim()
    #expect(try PIDFile.read(path: path) == getpid())
    new.remove()
    #expect(access(path, F_OK) != 0)
  }

  @Test func whatAnotherProcessHasClaimedStays() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/waybill.pid"
    let file = try PIDFile(path: path)
    try file.claim()
    #expect(pwrite(file.passedOn.descriptor.number, "1\n", 2, 0) == 2)
    #expect(ftruncate(file.passedOn.descriptor.number, 2) == 0)
    file.remove()
    #expect(try PIDFile.read(path: path) == 1)
  }
}
