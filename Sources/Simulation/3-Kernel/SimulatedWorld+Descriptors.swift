import Basics
import Platform

/// What a descriptor of the program under test stands for, and who wants to hear of it.
struct DescriptorEntry {
  enum Kind: Equatable {
    case listener(Int)
    case connection(Endpoint.ID)
    case log(file: Int)
    /// A file without a name.
    case temporaryFile(Int)
    /// A file that is served.
    case file(Int)
  }

  let kind: Kind
  /// The token given to `watch`; nil when it is not watched.
  var token: UInt64?
  /// Which program watches it.
  var program = 0
  /// It is on the list of those of which something is to be reported.
  var isEnlisted = false
}

/// A descriptor that the program has open.
public struct OpenDescriptor: Equatable, Sendable {
  /// What it stands for.
  public enum Kind: Equatable, Sendable {
    /// A listening socket.
    case listener
    /// One end of a connection.
    case connection
    /// A log file.
    case log
    /// A temporary file.
    case temporaryFile
    /// A file that is served.
    case file
  }

  /// Its number.
  public let descriptor: Descriptor
  /// What it stands for.
  public let kind: Kind
}

/// The table of open descriptors. As on Linux, the lowest free number is given out, so that a
/// number that was closed comes back at once: who confuses an old one with a new one is found out.
extension SimulatedWorld {
  /// What the program has open, by number: empty but for listeners and logs when nothing leaks.
  public var openDescriptors: [OpenDescriptor] {
    descriptors.indices.compactMap { number in
      descriptors[number].map { entry in
        OpenDescriptor(descriptor: Descriptor(number: Int32(number)), kind: publicKind(entry.kind))
      }
    }
  }

  /// How many connections the program has open.
  public var openConnectionCount: Int {
    openDescriptors.reduce(0) { $1.kind == .connection ? $0 + 1 : $0 }
  }

  /// True when no number is left.
  var hasNoFreeDescriptor: Bool {
    descriptors.reduce(3) { $1 == nil ? $0 : $0 + 1 } >= network.descriptorLimit
  }

  func openDescriptor(_ kind: DescriptorEntry.Kind) -> Descriptor {
    let entry = DescriptorEntry(kind: kind)
    if let free = descriptors.indices.dropFirst(3).first(where: { descriptors[$0] == nil }) {
      descriptors[free] = entry
      return Descriptor(number: Int32(free))
    }
    descriptors.append(entry)
    return Descriptor(number: Int32(descriptors.count - 1))
  }

  /// What `descriptor` stands for; traps where Linux says EBADF.
  func kind(of descriptor: Descriptor, _ call: StaticString) -> DescriptorEntry.Kind {
    let number = Int(descriptor.number)
    guard descriptors.indices.contains(number), let entry = descriptors[number] else {
      preconditionFailure("\(call): descriptor \(number) is not open")
    }
    return entry.kind
  }

  /// The end of a connection that `descriptor` stands for; traps where Linux says ENOTSOCK.
  func endpoint(of descriptor: Descriptor, _ call: StaticString) -> Endpoint.ID {
    guard case .connection(let id) = kind(of: descriptor, call) else {
      preconditionFailure("\(call): descriptor \(descriptor.number) is no connection")
    }
    return id
  }

  /// Closes a descriptor and what it stands for.
  func close(_ descriptor: Descriptor) {
    let kind = kind(of: descriptor, "close")
    unwatch(descriptor)
    descriptors[Int(descriptor.number)] = nil
    switch kind {
    case .connection(let id): abandon(id)
    case .listener(let listener):
      if !descriptors.contains(where: { $0?.kind == kind }) { closeListener(listener) }
    case .log: break
    case .temporaryFile(let number): disk.unnamedFiles[number] = []
    case .file(let number): openFiles[number] = nil
    }
  }

  /// Closes a listening socket that nobody in a program holds.
  public func close(listener descriptor: Descriptor) { close(descriptor) }

  /// A second descriptor for the same listening socket.
  public func duplicate(listener descriptor: Descriptor) -> Descriptor {
    openDescriptor(kind(of: descriptor, "duplicate"))
  }

  /// Closes a connection as SO_LINGER of no time does.
  func reset(_ descriptor: Descriptor) {
    abort(endpoint(of: descriptor, "reset"))
    close(descriptor)
  }

  /// Whoever waited in the queue gets a reset; whoever comes later is refused.
  private func closeListener(_ listener: Int) {
    listeners[listener].isOpen = false
    for id in listeners[listener].queue {
      abort(id)
      endpoints[id].owner = .nobody
    }
    listeners[listener].queue.removeAll()
  }

  private func publicKind(_ kind: DescriptorEntry.Kind) -> OpenDescriptor.Kind {
    switch kind {
    case .listener: .listener
    case .connection: .connection
    case .log: .log
    case .file: .file
    case .temporaryFile: .temporaryFile
    }
  }
}
