// Unnamed files on the simulated disk: they live as long as their descriptor.

import Platform

extension SimulatedWorld {
  /// Fails where the path is forbidden, or no descriptor is left.
  func openTemporaryFile(in folder: String) -> OpenResult {
    if hasNoFreeDescriptor { return .failed(.tooManyDescriptors) }
    if disk.forbiddenPaths.contains(folder) { return .failed(.accessDenied) }
    disk.unnamedFiles.append([])
    return .opened(openDescriptor(.temporaryFile(disk.unnamedFiles.count - 1)))
  }

  /// Takes a part only now and then, and nothing while the disk is full.
  func writeFile(_ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer) -> WriteResult {
    let number = unnamedFile(descriptor, "writeFile")
    if now < disk.fullUntil || strikes(.fullDisks, faults.fullDisks) { return .failed(.diskFull) }
    var amount = bytes.count
    if amount > 1, strikes(.shortLogWrites, faults.shortLogWrites) {
      amount = 1 + chance.below(amount - 1)
    }
    disk.unnamedFiles[number].append(contentsOf: bytes.prefix(amount))
    return .bytes(amount)
  }

  private func unnamedFile(_ descriptor: Descriptor, _ call: StaticString) -> Int {
    guard case .temporaryFile(let number) = kind(of: descriptor, call) else {
      preconditionFailure("\(call): descriptor \(descriptor.number) is no temporary file")
    }
    return number
  }
}
