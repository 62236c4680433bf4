// swift-tools-version: 6.1
// A package of its own, so that the library's users do not build it.
import PackageDescription

let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "hillock", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    ],
    targets: [
        .target(name: "Workloads", dependencies: [.product(name: "Hillock", package: "hillock")]),
        .executableTarget(name: "workload", dependencies: ["Workloads", .product(name: "Hillock", package: "hillock")]),
        .executableTarget(name: "coldstart", dependencies: [.product(name: "Hillock", package: "hillock")]),
        .target(name: "CProbe"),
        .executableTarget(name: "probe", dependencies: ["CProbe"]),
        .executableTarget(name: "bench", dependencies: [.product(name: "ArgumentParser", package: "swift-argument-parser")]),
    ],
    swiftLanguageModes: [.v6]
)
