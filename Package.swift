// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "hillock",
    products: [
        .library(name: "Hillock", targets: ["Hillock"]),
        .library(name: "HillockSystems", targets: ["HillockSystems"]),
        .executable(name: "hillock", targets: ["HillockCLI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-crypto", "3.0.0"..<"5.0.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.20.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.81.0"),
    ],
    targets: [
        // Native libraries, found where the system keeps them.
        .systemLibrary(name: "DNNLLibrary", providers: [.apt(["libdnnl-dev"])]),
        .systemLibrary(name: "ZlibLibrary", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "PNGLibrary", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),

        // Thin C: bindings and vector kernels, nothing else.
        // oneDNN is loaded when it is first needed, so it is not linked.
        .target(name: "COneDNN", dependencies: ["DNNLLibrary"], linkerSettings: [.linkedLibrary("dl"), .linkedLibrary("gomp")]),
        .target(name: "CKernels", linkerSettings: [.linkedLibrary("gomp"), .linkedLibrary("m")]),
        .target(name: "CImage", dependencies: ["PNGLibrary"], linkerSettings: [.linkedLibrary("png")]),
        // Data compiled in by #embed, so that one copied executable works alone; `.embedInCode` takes minutes for the same bytes.
        .target(name: "CEmbeddedData", exclude: ["mnist-5k"]),

        .target(name: "HillockCore"),
        .target(name: "HillockCPU", dependencies: ["HillockCore", "CKernels", "COneDNN"]),
        // Plugins for accelerators are opened at run time; nothing of them is linked.
        .target(name: "CPJRT"),
        .target(name: "HillockPJRT", dependencies: ["HillockCore", "CPJRT"], linkerSettings: [.linkedLibrary("dl")]),
        .target(name: "HillockNN", dependencies: ["HillockCore"]),
        .target(name: "HillockOptimizers", dependencies: ["HillockCore", "HillockNN"]),
        .target(name: "HillockFormats", dependencies: ["HillockCore", "CImage", "ZlibLibrary"]),
        .target(name: "HillockData", dependencies: ["HillockCore", "HillockFormats", "CEmbeddedData"]),
        .target(
            name: "HillockDownloads",
            dependencies: [
                "HillockData",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Crypto", package: "swift-crypto"),
            ]),
        .target(
            name: "HillockTraining",
            dependencies: ["HillockCore", "HillockNN", "HillockOptimizers", "HillockFormats", "HillockData"]),
        .target(name: "HillockInspection", dependencies: ["HillockCore", "HillockTraining"]),
        .target(
            name: "HillockSystems",
            dependencies: ["HillockCore", "HillockNN", "HillockOptimizers", "HillockData", "HillockTraining"]),
        .target(
            name: "Hillock",
            dependencies: [
                "HillockCore", "HillockCPU", "HillockPJRT", "HillockNN", "HillockOptimizers", "HillockFormats", "HillockData",
                "HillockTraining", "HillockInspection",
            ]),
        .executableTarget(
            name: "HillockCLI",
            dependencies: [
                "Hillock", "HillockFormats", "HillockPJRT", "HillockSystems", "HillockDownloads",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        // What training does with memory is measured in a process of its own, whose allocator is counted.
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        .executableTarget(name: "steady-state", dependencies: ["Hillock", "HillockCPU", "CAllocationCounter"], path: "Tests/SteadyState"),
        .testTarget(name: "SteadyStateTests", dependencies: ["steady-state", "HillockCore"]),

        // What tests of several modules want of a file system, with a plugin for accelerators that fails.
        .target(name: "TestFolders", path: "Tests/TestFolders"),
        // How far products in bf16 may be from exact ones.
        .target(name: "TestCloseness", dependencies: ["HillockCore"], path: "Tests/TestCloseness"),
        .testTarget(name: "CKernelsTests", dependencies: ["CKernels"]),
        .testTarget(name: "COneDNNTests", dependencies: ["COneDNN"]),
        .testTarget(name: "HillockCoreTests", dependencies: ["HillockCore"]),
        .testTarget(
            name: "HillockCPUTests", dependencies: ["HillockCPU", "HillockPJRT", "HillockCore", "HillockFormats", "TestCloseness"]),
        .testTarget(name: "HillockPJRTTests", dependencies: ["HillockPJRT", "HillockCore", "CPJRT", "TestFolders"]),
        .testTarget(name: "HillockNNTests", dependencies: ["Hillock", "TestCloseness"]),
        .testTarget(name: "HillockFormatsTests", dependencies: ["HillockFormats", "TestFolders"]),
        .testTarget(
            name: "HillockDataTests",
            dependencies: ["HillockData", "HillockDownloads", "TestFolders", .product(name: "Crypto", package: "swift-crypto")]),
        .testTarget(name: "HillockTrainingTests", dependencies: ["Hillock", "HillockSystems", "TestFolders"]),
        .testTarget(name: "HillockInspectionTests", dependencies: ["Hillock", "HillockSystems"]),
        .testTarget(name: "HillockCLITests", dependencies: ["HillockCLI", "TestFolders"]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
