import Basics
import Configuration
import HTTP
import Plan
import Synchronization

/// A compilation whose files, names and resolver are tables.
struct Compiling {
  var files: [String: String] = [:]
  var names: [String: [String]] = ["localhost": ["127.0.0.1"], "app": ["10.0.0.1", "10.0.0.2"]]

  /// Compiles `text` as `proxy.conf`.
  func compile(_ text: String, path: String = "proxy.conf") -> CompiledConfiguration {
    compile(bytes: Array(text.utf8), path: path)
  }

  /// Compiles raw bytes.
  func compile(bytes: [UInt8], path: String = "proxy.conf") -> CompiledConfiguration {
    compileConfiguration(path: path, environment: environment(bytes, path: path))
  }

  /// The tables as an environment, with `bytes` as the file at `path`.
  func environment(_ bytes: [UInt8], path: String) -> ConfigurationEnvironment {
    let files = files
    let names = names
    return ConfigurationEnvironment(
      readFile: { asked in
        if asked == path { return .success(bytes) }
        guard let text = files[asked] else {
          return .failure(FileProblem(reason: "No such file or directory"))
        }
        return .success(Array(text.utf8))
      },
      listFiles: { pattern in
        let prefix = pattern.prefix { $0 != "*" }
        return files.keys.filter { $0.hasPrefix(prefix) && !$0.contains("..") }
      },
      resolve: { host in
        guard let addresses = names[host] else {
          return .failure(ResolveProblem(reason: "Name or service not known"))
        }
        return .success(
          addresses.compactMap { text in
            let bytes = Array(text.utf8)
            return PeerAddress(parsing: bytes.span)
          })
      }, hostname: "machine")
  }
}

/// All diagnostics of `text` as the terminal shows them.
func diagnostics(_ text: String) -> String {
  Compiling().compile(text).diagnostics.map { $0.render() }.joined(separator: "\n")
}

/// The plan of a text that must compile without a diagnostic. It is never freed, so that tests may
/// look at its tables alone.
func plan(_ text: String, _ compiling: Compiling = Compiling()) throws -> Plan {
  let compiled = compiling.compile(text)
  if let first = compiled.diagnostics.first { throw Unexpected(text: first.render()) }
  guard let plan = compiled.plan else { throw Unexpected(text: "no plan") }
  keptPlans.withLock { $0.append(plan) }
  return plan
}

/// A text that should have compiled did not.
struct Unexpected: Error { var text: String }

extension FrozenArray where Element == UInt8 {
  /// The bytes as text.
  var text: String { String(decoding: indices.map { self[$0] }, as: UTF8.self) }
}

extension Compiling {
  /// Compiles a file that does not exist.
  func missing(_ path: String) -> CompiledConfiguration {
    let environment = ConfigurationEnvironment(
      readFile: { _ in .failure(FileProblem(reason: "No such file or directory")) },
      listFiles: { _ in [] }, resolve: { _ in .success([]) }, hostname: "machine")
    return compileConfiguration(path: path, environment: environment)
  }
}

/// Kept where a leak check finds them.
private let keptPlans = Mutex<[Plan]>([])
