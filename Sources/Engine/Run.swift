// The one place where the engine is bound to the real kernel, so that it is compiled for it.

import Plan
import Platform

/// Runs a worker until it has drained or was stopped. Throws when it can't begin.
public func runWorker(
  plan: Plan, settings: WorkerSettings, mailbox: WorkerMailbox
) throws(KernelError) {
  let kernel = try LinuxKernel(mailbox: mailbox)
  var worker = Worker(kernel: kernel, plan: plan, settings: settings)
  while worker.turn() {}
}
