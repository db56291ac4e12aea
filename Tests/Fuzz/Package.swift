// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that no build of Waybill knows of libFuzzer. `run` beside it builds it
// with the sanitizers and starts it.
let package = Package(
  name: "fuzz",
  dependencies: [.package(name: "waybill", path: "../..")],
  targets: [
    .executableTarget(
      name: "fuzz", dependencies: [.product(name: "Properties", package: "waybill")],
      swiftSettings: [.treatAllWarnings(as: .error)]),
    .executableTarget(
      name: "blind", dependencies: [.product(name: "Properties", package: "waybill")],
      swiftSettings: [.treatAllWarnings(as: .error)]),
  ],
  swiftLanguageModes: [.v6]
)
