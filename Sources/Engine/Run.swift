// The one place where the engine is bound to the real kernel, so that it is compiled for it.

import Plan
import Platform

/// Runs a worker until it has drained, was replaced or was stopped.
public func runWorker(
  plan: Plan, settings: WorkerSettings, mailbox: WorkerMailbox, began: () -> Void
) {
  var worker = Worker(kernel: LinuxKernel(mailbox: mailbox), plan: plan, settings: settings)
  began()
  while worker.turn() {}
}
