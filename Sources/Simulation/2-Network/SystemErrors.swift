import Platform

/// The errors that the simulated system reports, with the numbers that Linux gives them.
extension KernelError {
  static var connectionRefused: KernelError { KernelError(kind: .refused, code: 111) }
  static var noSuchFile: KernelError { KernelError(kind: .refused, code: 2) }
  static var connectionReset: KernelError { KernelError(kind: .reset, code: 104) }
  static var brokenPipe: KernelError { KernelError(kind: .reset, code: 32) }
  static var connectTimedOut: KernelError { KernelError(kind: .timedOut, code: 110) }
  static var hostUnreachable: KernelError { KernelError(kind: .unreachable, code: 113) }
  static var tooManyDescriptors: KernelError { KernelError(kind: .exhausted, code: 24) }
  static var outOfMemory: KernelError { KernelError(kind: .exhausted, code: 12) }
  static var diskFull: KernelError { KernelError(kind: .noSpace, code: 28) }
  static var accessDenied: KernelError { KernelError(kind: .other, code: 13) }
}
