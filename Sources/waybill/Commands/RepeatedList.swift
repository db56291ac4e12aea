// `--watch`: a list that is shown anew every second.

import Platform

/// Shows a list until nobody reads it or there is none (nil, which `list` has reported). On a
/// terminal each takes the place of the one before; elsewhere an empty line stands between tables.
func showAgain(isJSON: Bool, _ list: () -> [UInt8]?) -> ExitStatus {
  let isTerminal = TerminalOutput.isTerminal(1)
  while true {
    guard let list = list() else { return .failure }
    let before = isTerminal ? "\u{1B}[H\u{1B}[J" : ""
    let after = isTerminal || isJSON ? "" : "\n"
    if let end = statusAfterWriting(before.utf8 + list + after.utf8) { return end }
    MachineTime.sleep(milliseconds: 1_000)
  }
}
