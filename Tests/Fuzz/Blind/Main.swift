// Changes the inputs of a corpus at random and gives them to a property, as many as there is time
// for. It learns nothing on the way, so it is many times faster than libFuzzer: the guided search
// finds the places, this one looks around them.
//
//   blind TARGET RUNS SEED LONGEST FAULT-FILE CORPUS-FOLDER...

import Foundation
import Properties

/// The input under way, for the handler of a trap.
nonisolated(unsafe) private var current = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)
nonisolated(unsafe) private var faultFile = UnsafeMutablePointer<CChar>(bitPattern: 0)

/// Writes the input under way to the fault file. Calls nothing that a signal handler must not.
private func keepInput() {
  guard let faultFile else { return }
  let descriptor = open(faultFile, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
  _ = write(descriptor, current.baseAddress, current.count)
}

@main struct Main {
  static func main() {
    let arguments = CommandLine.arguments
    guard arguments.count > 6, let runs = Int(arguments[2]), let seed = UInt64(arguments[3]),
      let longest = Int(arguments[4]),
      let entry = PropertyCatalog.all.first(where: { $0.name == arguments[1] })
    else {
      print("usage: blind TARGET RUNS SEED LONGEST FAULT-FILE CORPUS-FOLDER...")
      exit(2)
    }
    faultFile = strdup(arguments[5])
    for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV] {
      signal(number) { number in
        keepInput()
        signal(number, SIG_DFL)
        raise(number)
      }
    }
    let inputs = arguments[6...].flatMap(files)
    guard !inputs.isEmpty else { fatalError("the corpus is empty") }
    run(entry.make(), on: inputs, runs: runs, seed: seed, longest: longest)
  }

  /// The contents of a folder's files, in an order that does not depend on the file system.
  private static func files(of folder: String) -> [[UInt8]] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { !$0.hasPrefix(".") }.sorted().compactMap { name in
      FileManager.default.contents(atPath: folder + "/" + name).map { Array($0) }
    }
  }

  private static func run(
    _ property: any Property, on inputs: [[UInt8]], runs: Int, seed: UInt64, longest: Int
  ) {
    var mutation = Mutation(seed: seed)
    for _ in 0..<runs {
      var input = inputs[mutation.number(below: inputs.count)]
      mutation.change(
        &input, with: inputs[mutation.number(below: inputs.count)], longest: longest)
      // Memory of exactly its size, so that the sanitizer sees a read behind the end.
      let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: input.count)
      _ = memory.initialize(from: input)
      current = memory
      do throws(Violation) {
        try property.check(UnsafeBufferPointer(memory).span)
      } catch {
        print("broken: \(error)")
        keepInput()
        exit(1)
      }
      memory.deallocate()
    }
  }
}
