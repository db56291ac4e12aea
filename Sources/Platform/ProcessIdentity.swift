// Whose rights the process has (`user`).

import Glibc

/// A user and group of the system.
public struct ProcessIdentity: Equatable, Sendable {
  /// The user's name, for the list of further groups.
  public var name: String
  /// The user's number.
  public var user: UInt32
  /// The group's number.
  public var group: UInt32

  /// True when the process may become somebody else.
  public static var isSuperuser: Bool { geteuid() == 0 }

  /// True when the process is that user's: one that became it has started this one.
  public static func isAlready(_ user: String) -> Bool {
    getpwnam(user).map { $0.pointee.pw_uid == geteuid() } ?? false
  }

  /// Looks up the names of a `user` directive. Without a group it is the user's own, or as in nginx
  /// the one of the same name.
  public init(user name: String, group: String?) throws(ProcessProblem) {
    guard let entry = getpwnam(name) else {
      throw ProcessProblem(message: "user \(name): no such user")
    }
    self.name = name
    self.user = entry.pointee.pw_uid
    if let group {
      guard let found = getgrnam(group) else {
        throw ProcessProblem(message: "user \(name) \(group): no such group")
      }
      self.group = found.pointee.gr_gid
    } else {
      self.group = getgrnam(name)?.pointee.gr_gid ?? entry.pointee.pw_gid
    }
  }

  /// Whom a process that was started so is to become; nil when it stays who it is: nobody is named,
  /// or only the superuser could.
  public static func successor(
    user: String?, group: String?
  ) throws(ProcessProblem) -> ProcessIdentity? {
    guard let user, isSuperuser else { return nil }
    return try ProcessIdentity(user: user, group: group)
  }

  /// Gives up all other rights, for good. Called before threads start.
  public func assume() throws(ProcessProblem) {
    guard initgroups(name, group) == 0, setgid(group) == 0, setuid(user) == 0 else {
      throw ProcessProblem(message: "user \(name): \(KernelError(code: errno).describe())")
    }
  }
}
