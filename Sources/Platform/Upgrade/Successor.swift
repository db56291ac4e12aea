// The new process of a binary upgrade, as the old one starts it.
//
// What it is given is named in its environment: the number of the channel, then, separated by
// colons, that of each descriptor, behind which stand `m` and a name if the service manager opened
// it, and `f` if it is the channel to a process that was replaced earlier.

import CLinux
import Glibc

/// Starts programs that are to take the place of this one.
public enum Successor {
  /// The variable that tells a process that it is one.
  static let variable = "WAYBILL_UPGRADE"

  /// Starts `program` with the arguments of this process, and gives it `descriptors`.
  public static func start(
    _ program: String, giving descriptors: [PassedDescriptor]
  ) throws(KernelError) -> (ChildProcess, HandoverChannel) {
    let (ours, theirs) = try HandoverChannel.pair()
    let told = ["\(theirs.descriptor)"] + descriptors.map(\.text)
    let child = try ChildProcess(
      path: program, arguments: ProcessArguments.all,
      adding: "\(variable)=\(told.joined(separator: ":"))",
      // It names this process, and the next one is to give the signs of life.
      dropping: "WATCHDOG_PID",
      keeping: [Descriptor(number: theirs.descriptor)] + descriptors.map(\.descriptor))
    return (child, ours)
  }
}

/// A descriptor that the new process gets.
public struct PassedDescriptor: Equatable, Sendable {
  /// The descriptor; it has the same number in both processes.
  public var descriptor: Descriptor
  /// The name that the service manager gave it; nil if the service manager has not opened it.
  public var managersName: String?
  /// True for the channel to a process that was replaced earlier.
  public var isFormerProcess = false

  /// The descriptor given.
  public init(
    _ descriptor: Descriptor, managersName: String? = nil, isFormerProcess: Bool = false
  ) {
    precondition(managersName == nil || !isFormerProcess, "PassedDescriptor: of two kinds")
    self.descriptor = descriptor
    self.managersName = managersName
    self.isFormerProcess = isFormerProcess
  }

  var text: String {
    "\(descriptor.number)" + (managersName.map { "m" + $0 } ?? (isFormerProcess ? "f" : ""))
  }

  init?(_ text: Substring) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int32(digits) else { return nil }
    descriptor = Descriptor(number: number)
    let rest = text.dropFirst(digits.count)
    managersName = rest.first == "m" ? String(rest.dropFirst()) : nil
    isFormerProcess = rest == "f"
  }
}
