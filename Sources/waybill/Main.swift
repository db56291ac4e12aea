// Where the program begins. Everything is in ordinary functions: a closure made here would belong
// to the main actor and trap on a worker's thread.

import Platform

@main struct Main {
  static func main() {
    ProcessControl.exit(runCommandLine(ProcessArguments.all).rawValue)
  }
}
