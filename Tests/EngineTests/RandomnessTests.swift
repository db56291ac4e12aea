import Simulation
import Testing

/// Where IDs come from: random bytes of the kernel, or nowhere.
struct RandomnessTests {
  /// Without random bytes any ID could be guessed. Nothing is served then: the process ends.
  @Test func withoutRandomBytesTheProcessEnds() async {
    await #expect(processExitsWith: .success) { try serve(failedRandom: 0) }
    await #expect(processExitsWith: .failure) { try serve(failedRandom: 1_000) }
  }
}

/// Serves a request on a system whose random source fails at this rate, or does not get so far.
private func serve(failedRandom: Int) throws {
  let bed = try EngineBed("location / { return 200 fine; }")
  bed.world.faults.failedRandom = failedRandom
  bed.client([.send(get()), .awaitResponse])
  bed.finish(requests: 1)
}
