// No descriptors left, and descriptors that are none: each in a process of its own.

import Basics
import Glibc
import HTTP
import Platform
import Testing

@Suite struct ExhaustionTests {
  /// Accepting pauses instead of failing for good, and goes on when there is room.
  @Test func acceptWithoutDescriptors() async {
    await #expect(processExitsWith: .success) {
      var kernel = try makeKernel()
      let sockets = try ListeningSockets([ListenAddress(address: loopback(0))], workers: 1)
      let listener = sockets.descriptors(ofWorker: 0)[0]
      let client = kernel.connect(to: sockets.bound[0], unixPath: .empty).descriptor
      precondition(client != nil && kernel.watchListener(listener, token: 1) == nil)
      let spare = useAllDescriptors()
      let result = kernel.acceptSoon(listener)
      guard case .exhausted(let error) = result, error.kind == .exhausted, error.code == EMFILE
      else { preconditionFailure("\(result)") }
      guard case .failed(let other) = kernel.connect(to: loopback(1), unixPath: .empty),
        other.kind == .exhausted
      else { preconditionFailure("connected without a descriptor") }
      // The connection still waits.
      precondition(kernel.readiness(of: 1) == .readable)
      close(spare)
      guard case .connection = kernel.acceptSoon(listener) else { preconditionFailure("lost") }
    }
  }

  @Test func makingAMailboxWithoutDescriptors() async {
    await #expect(processExitsWith: .success) {
      _ = useAllDescriptors()
      do throws(KernelError) {
        _ = try WorkerMailbox()
        preconditionFailure("made")
      } catch { precondition(error.kind == .exhausted) }
    }
  }

  /// A descriptor that is closed may be another client's by now: going on would mix them up.
  @Test func useOfClosedDescriptorEndsTheProcess() async {
    await #expect(processExitsWith: .failure) { try use { kernel, closed in kernel.close(closed) } }
    await #expect(processExitsWith: .failure) {
      try use { kernel, closed in _ = kernel.readText(closed) }
    }
    await #expect(processExitsWith: .failure) {
      try use { kernel, closed in _ = kernel.write(closed, "x") }
    }
    await #expect(processExitsWith: .failure) {
      try use { kernel, closed in _ = kernel.watch(closed, token: 1) }
    }
    await #expect(processExitsWith: .failure) {
      try use { kernel, closed in _ = kernel.accept(closed) }
    }
  }

  @Test func readingWithoutRoomEndsTheProcess() async {
    await #expect(processExitsWith: .failure) {
      var kernel = try makeKernel()
      let pair = try SocketPair(&kernel)
      _ = kernel.readText(pair.ours, limit: 0)
    }
  }
}

/// Calls `body` with a descriptor that was closed.
private func use(_ body: (inout LinuxKernel, Descriptor) -> Void) throws {
  var kernel = try makeKernel()
  let pair = try SocketPair(&kernel)
  kernel.close(pair.ours)
  body(&kernel, pair.ours)
}

/// Opens files until the system refuses; the last of them.
private func useAllDescriptors() -> Int32 {
  var limit = rlimit()
  limit.rlim_cur = 128
  limit.rlim_max = 128
  precondition(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
  var last: Int32 = -1
  while true {
    let next = open("/dev/null", O_RDONLY)
    if next < 0 { return last }
    last = next
  }
}
