// The one place where the engine is bound to the real kernel, so that it is compiled for it.

import Names
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

/// Checks peers until `orders` says that it shall end; `mailbox` wakes it.
public func runProber(
  directory: HealthDirectory, orders: ProbeOrders, names: NameDirectory,
  mailbox: WorkerMailbox, report: @escaping (ProbeReport) -> Void
) {
  var prober = Prober(
    kernel: LinuxKernel(mailbox: mailbox), directory: directory, orders: orders, names: names,
    nameMailbox: NameMailbox { mailbox.post(.names) }, report: report)
  while prober.turn() {}
}
