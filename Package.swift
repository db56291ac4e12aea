// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target: language mode 6, any warning is an error.
let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// The pure targets besides prove their memory safety: each unsafe expression is marked and
/// explained.
let pure: [SwiftSetting] =
  strict + [.strictMemorySafety(), .enableExperimentalFeature("Lifetimes")]

let package = Package(
  name: "waybill",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: [
    .target(name: "CLinux", cSettings: [.define("_GNU_SOURCE")]),
    .target(name: "CVector"),
    .target(name: "Basics", dependencies: ["CVector"], swiftSettings: pure),
    .target(name: "HTTP", dependencies: ["Basics"], swiftSettings: pure),
    .target(name: "Policy", dependencies: ["Basics", "HTTP"], swiftSettings: pure),
    .target(name: "Telemetry", dependencies: ["Basics", "HTTP", "Policy"], swiftSettings: pure),
    .target(
      name: "Plan", dependencies: ["Basics", "HTTP", "Policy", "Telemetry"], swiftSettings: pure),
    .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
    .target(name: "RegularExpressions", dependencies: ["CPCRE2"], swiftSettings: strict),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .target(name: "TLS", dependencies: ["COpenSSL"], swiftSettings: strict),
    .systemLibrary(
      name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .target(name: "HTTP2", dependencies: ["CNghttp2"], swiftSettings: strict),
    .target(
      name: "Configuration",
      dependencies: [
        "Basics", "HTTP", "Policy", "Telemetry", "Plan", "RegularExpressions", "TLS",
      ],
      swiftSettings: strict),
    .target(
      name: "LogReading", dependencies: ["Basics", "HTTP", "Policy", "Telemetry"],
      swiftSettings: pure),
    .systemLibrary(name: "CCrypt", pkgConfig: "libcrypt", providers: [.apt(["libcrypt-dev"])]),
    .target(name: "Passwords", dependencies: ["CCrypt", "COpenSSL"], swiftSettings: strict),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "CBrotli", pkgConfig: "libbrotlienc", providers: [.apt(["libbrotli-dev"])]),
    .target(name: "ContentStages", dependencies: ["CZlib", "CBrotli"], swiftSettings: strict),
    .target(
      name: "Platform", dependencies: ["CLinux", "CZlib", "Basics", "HTTP"],
      swiftSettings: strict),
    .systemLibrary(name: "CCares", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),
    .target(
      name: "Names", dependencies: ["CCares", "Basics", "HTTP", "Policy", "Platform"],
      swiftSettings: strict),
    .target(
      name: "Engine",
      dependencies: [
        "Basics", "ContentStages", "HTTP", "HTTP2", "Names", "Policy", "Telemetry", "Plan",
        "Platform",
        "RegularExpressions", "TLS",
      ],
      swiftSettings: strict),
    .target(
      name: "Simulation", dependencies: ["Basics", "HTTP", "Platform"], swiftSettings: strict),
    .executableTarget(
      name: "waybill",
      dependencies: [
        "Configuration", "Engine", "LogReading", "Names", "Plan", "Platform", "Policy",
        "Telemetry", "HTTP", "Basics", "TLS", "Passwords",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      exclude: ["Container", "Manual", "Package", "Service"], swiftSettings: strict),
    .target(
      name: "Certificates", dependencies: ["COpenSSL"], path: "Tests/Certificates",
      swiftSettings: strict),
    .target(
      name: "SecurePeers", dependencies: ["COpenSSL", "Certificates", "Simulation"],
      path: "Tests/SecurePeers", swiftSettings: strict),
    .testTarget(
      name: "TLSTests", dependencies: ["TLS", "COpenSSL", "Certificates"], swiftSettings: strict),
    .testTarget(
      name: "ContentStagesTests", dependencies: ["ContentStages", "CZlib"], swiftSettings: strict),
    .testTarget(name: "PasswordsTests", dependencies: ["Passwords"], swiftSettings: strict),
    .testTarget(
      name: "RegularExpressionsTests", dependencies: ["RegularExpressions"], swiftSettings: strict),
    .testTarget(name: "HTTP2Tests", dependencies: ["HTTP2", "CNghttp2"], swiftSettings: strict),
    .testTarget(name: "BasicsTests", dependencies: ["Basics"], swiftSettings: strict),
    .testTarget(name: "HTTPTests", dependencies: ["HTTP", "Basics"], swiftSettings: strict),
    .testTarget(
      name: "PolicyTests", dependencies: ["Policy", "HTTP", "Basics"], swiftSettings: strict),
    .testTarget(
      name: "TelemetryTests",
      dependencies: ["Properties", "Telemetry", "Policy", "HTTP", "Basics"],
      swiftSettings: strict),
    .testTarget(
      name: "LogReadingTests",
      dependencies: ["LogReading", "Telemetry", "Policy", "HTTP", "Basics"], swiftSettings: strict),
    .testTarget(
      name: "ConfigurationTests",
      dependencies: [
        "Certificates", "Configuration", "LogReading", "Plan", "Policy", "TLS", "Telemetry", "HTTP",
        "Basics",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "PlatformTests", dependencies: ["Platform", "CLinux", "HTTP", "Basics"],
      swiftSettings: strict),
    .testTarget(
      name: "NamesTests", dependencies: ["Names", "Platform", "Policy", "HTTP", "Basics"],
      swiftSettings: strict),
    .testTarget(
      name: "SimulationTests", dependencies: ["Simulation", "Platform", "HTTP", "Basics"],
      swiftSettings: strict),
    .systemLibrary(
      name: "CBrotliDecoder", path: "Tests/CBrotliDecoder", pkgConfig: "libbrotlidec",
      providers: [.apt(["libbrotli-dev"])]),
    .target(
      name: "PlainStages", dependencies: ["CBrotliDecoder", "CZlib"], path: "Tests/PlainStages",
      swiftSettings: strict),
    .target(
      name: "Scenarios",
      dependencies: [
        "PlainStages", "CNghttp2", "SecurePeers", "Certificates", "TLS", "Engine", "Simulation",
        "Configuration", "Plan", "Platform", "Policy", "Telemetry", "HTTP", "Basics",
      ],
      path: "Tests/Scenarios", swiftSettings: strict),
    .executableTarget(
      name: "simulate",
      dependencies: [
        "Scenarios", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/Simulate", exclude: ["plant", "planted.py"], swiftSettings: strict),
    .testTarget(
      name: "EngineTests",
      dependencies: [
        "Names", "Scenarios", "SecurePeers", "Certificates", "TLS", "Engine", "Simulation",
        "Configuration", "Plan", "Platform", "Policy", "Telemetry", "HTTP", "Basics",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "ScenariosTests", dependencies: ["Scenarios", "Simulation", "Basics"],
      swiftSettings: strict),
    .target(
      name: "Properties",
      dependencies: [
        "PlainStages", "CNghttp2", "ContentStages", "HTTP2", "SecurePeers",
        "Certificates", "TLS", "Engine", "Simulation", "Configuration", "Plan", "Platform",
        "Policy", "Telemetry", "HTTP", "Basics",
      ],
      path: "Tests/Properties", swiftSettings: strict),
    .testTarget(name: "CorpusTests", dependencies: ["Properties"], swiftSettings: strict),
    .testTarget(name: "TidyTests", swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)

// The fuzzers need the sanitizers and libFuzzer: only `Tests/Fuzz/run` asks for them.
if Context.environment["WAYBILL_FUZZ"] != nil {
  package.targets += [
    .executableTarget(
      name: "fuzz", dependencies: ["Properties"], path: "Tests/Fuzz/Guided", swiftSettings: strict),
    .executableTarget(
      name: "blind", dependencies: ["Properties"], path: "Tests/Fuzz/Blind", swiftSettings: strict),
  ]
}
