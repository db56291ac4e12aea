// Where the program starts. Everything is in ordinary functions: a closure created here would
// belong to the main actor and trap on a worker's thread.

import Platform

@main struct Main {
  static func main() {
    ProcessControl.exit(runCommandLine(ProcessArguments.all).rawValue)
  }
}
