import CLinux
import Platform
import Testing

@Suite struct KernelErrorTests {
  @Test(arguments: [
    (ECONNREFUSED, KernelError.Kind.refused), (ENOENT, .refused), (ECONNRESET, .reset),
    (EPIPE, .reset), (ECONNABORTED, .reset), (ENOTCONN, .reset), (ETIMEDOUT, .timedOut),
    (EHOSTUNREACH, .unreachable), (ENETUNREACH, .unreachable), (EADDRNOTAVAIL, .unreachable),
    (EMFILE, .exhausted), (ENFILE, .exhausted), (ENOBUFS, .exhausted), (ENOMEM, .exhausted),
    (ENOSPC, .noSpace), (EDQUOT, .noSpace), (EFBIG, .noSpace), (EINVAL, .other), (EISDIR, .other),
  ])
  func kindOfErrno(code: Int32, kind: KernelError.Kind) {
    #expect(KernelError(code: code) == KernelError(kind: kind, code: code))
    #expect(KernelError(result: -Int(code)).kind == kind)
  }

  @Test func textIsTheSystemsInLowerCase() {
    #expect(KernelError(code: ECONNREFUSED).describe() == "connection refused")
    #expect(KernelError(code: EADDRINUSE).describe() == "address already in use")
    #expect(KernelError(code: EDOTDOT).describe() == "RFS specific error")
  }
}
