// swift-tools-version: 6.2
import PackageDescription

// Three rings; imports point inwards only (Docs/architecture.md).
//   1 pure core      HoldfastTime, GuardCore, HoldfastModel, HostParts, Housekeeping, HoldfastChecks, HoldfastPlanning,
//                    HoldfastController, HoldfastOperator; Simulator around them
//   2 ports+adapters HoldfastPorts, LinuxBasics, MemoryStore, EtcdStore, DomainXML, LibvirtHypervisor, GuardDoor, CgroupIsolation,
//                    HoldfastYAML, HoldfastPolicies, HealthProbes, HostServices, AddressPresence, Scenarios, HoldfastAPI
//   3 programs       holdfastd (with HoldfastNode), holdfast, holdfast-guard
// Simulator and Scenarios are part of the operator's `holdfast`: its scenario files are a public format (Docs/scenarios.md).

let imports: [SwiftSetting] = [.enableUpcomingFeature("MemberImportVisibility")]
let strict: [SwiftSetting] = imports + [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")]

let package = Package(
  name: "holdfast",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "holdfastd", targets: ["holdfastd"]),
    .executable(name: "holdfast", targets: ["holdfast"]),
    .executable(name: "holdfast-guard", targets: ["holdfast-guard"]),
    .executable(name: "holdfast-lab", targets: ["holdfast-lab"]),
    .executable(name: "planner-bench", targets: ["planner-bench"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0", traits: []),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2")
  ],
  targets: [
    // C: system libraries, and what Swift cannot import from the kernel's headers.
    .systemLibrary(name: "CLibvirt", pkgConfig: "libvirt", providers: [.apt(["libvirt-dev"])]),
    .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
    .target(name: "CLinux"),

    // Ring 1.
    .target(name: "HoldfastTime", swiftSettings: strict),
    .target(name: "GuardCore", dependencies: ["HoldfastTime"], swiftSettings: strict),
    .target(name: "HoldfastModel", dependencies: ["HoldfastTime", "GuardCore"], swiftSettings: strict),
    // What workloads of the host itself are made of, and in which steps that goes up and down.
    .target(name: "HostParts", dependencies: ["HoldfastModel", "HoldfastTime"], swiftSettings: strict),
    // What the store tells of itself, what of its history may go, and what a person should know of it.
    .target(name: "Housekeeping", dependencies: ["HoldfastModel", "HoldfastTime"], swiftSettings: strict),
    // How workloads are that run, as their checks tell.
    .target(name: "HoldfastChecks", dependencies: ["HoldfastModel", "HoldfastTime"], swiftSettings: strict),
    .target(name: "HoldfastPlanning", dependencies: ["HoldfastModel", "GuardCore"], swiftSettings: strict),
    .target(
      name: "HoldfastController", dependencies: ["HoldfastModel", "HoldfastPlanning", "HoldfastTime", "GuardCore"],
      swiftSettings: strict),
    .target(
      name: "HoldfastOperator",
      dependencies: ["HoldfastModel", "HostParts", "HoldfastPlanning", "HoldfastController", "GuardCore", "Housekeeping"],
      swiftSettings: strict),

    // Its judge: many cores and guards on virtual time.
    .target(
      name: "Simulator",
      dependencies: [
        "HoldfastTime", "GuardCore", "HoldfastModel", "HostParts", "HoldfastChecks", "HoldfastPlanning", "HoldfastController",
        "HoldfastOperator"
      ], swiftSettings: strict),

    // Ring 2.
    // Descriptors, clocks and small files of the kernel's: once, for every adapter and program.
    .target(
      name: "LinuxBasics", dependencies: ["HoldfastTime", "CLinux", .product(name: "SystemPackage", package: "swift-system")],
      swiftSettings: strict),
    .target(
      name: "HoldfastPorts", dependencies: ["HoldfastModel", "GuardCore", "HoldfastTime", "Housekeeping"], swiftSettings: strict
    ),
    .target(name: "MemoryStore", dependencies: ["HoldfastPorts", "HoldfastModel", "Housekeeping"], swiftSettings: strict),
    .target(
      name: "EtcdStore",
      dependencies: [
        "HoldfastPorts", "HoldfastModel", "Housekeeping",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
        .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOTLS", package: "swift-nio"), .product(name: "NIOHTTP2", package: "swift-nio-http2"),
        .product(name: "NIOSSL", package: "swift-nio-ssl")
      ],
      exclude: ["Proto/etcd.proto"], swiftSettings: strict),
    .target(
      name: "LibvirtHypervisor",
      dependencies: [
        "HoldfastPorts", "HoldfastModel", "HoldfastTime", "DomainXML", "CgroupIsolation", "LinuxBasics", "CLibvirt", "CLinux",
        .product(name: "Logging", package: "swift-log")
      ],
      swiftSettings: strict),
    .target(name: "DomainXML", dependencies: ["HoldfastModel", "GuardCore"], swiftSettings: strict),
    // Asks workloads how they are: over the network, in containers, by guest agents.
    .target(
      name: "HealthProbes",
      dependencies: [
        "HoldfastChecks", "HoldfastPorts", "HoldfastModel", "HoldfastTime", "CgroupIsolation", "LinuxBasics", "CLinux",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system")
      ], swiftSettings: strict),
    // Runs what workloads of the host itself are made of.
    .target(
      name: "HostServices",
      dependencies: [
        "HostParts", "HealthProbes", "HoldfastPorts", "HoldfastModel", "HoldfastTime", "CgroupIsolation", "LinuxBasics",
        "CSystemd", "CLinux",
        .product(name: "Logging", package: "swift-log"), .product(name: "SystemPackage", package: "swift-system")
      ], swiftSettings: strict),
    // Whether anybody on a link has an address, and that this host has it now.
    .target(
      name: "AddressPresence",
      dependencies: [
        "HoldfastPorts", "HoldfastModel", "GuardCore", "HoldfastTime", "LinuxBasics", "CLinux",
        .product(name: "NIOPosix", package: "swift-nio")
      ], swiftSettings: strict),
    .target(
      name: "CgroupIsolation", dependencies: ["GuardCore", "HoldfastTime", "LinuxBasics", "CLinux"], swiftSettings: strict),
    .target(
      name: "GuardDoor",
      dependencies: [
        "HoldfastPorts", "GuardCore", "HoldfastTime", "LinuxBasics", "CLinux", .product(name: "Logging", package: "swift-log")
      ],
      swiftSettings: strict),
    .target(
      name: "HoldfastYAML",
      dependencies: [
        "HoldfastModel", "LinuxBasics", .product(name: "Yams", package: "Yams"),
        .product(name: "SystemPackage", package: "swift-system")
      ],
      swiftSettings: strict),
    .target(
      name: "HoldfastPolicies", dependencies: ["HoldfastModel", "HoldfastPlanning", "GuardCore", "HoldfastYAML"],
      swiftSettings: strict),
    .target(
      name: "Scenarios",
      dependencies: [
        "Simulator", "HoldfastYAML", "HoldfastPolicies", "HoldfastModel", "HostParts", "HoldfastPlanning", "GuardCore",
        "HoldfastTime"
      ], swiftSettings: strict),
    .target(
      name: "HoldfastAPI",
      dependencies: [
        "HoldfastModel", "HostParts", "HoldfastPlanning", "HoldfastOperator", "GuardCore", "HoldfastTime", "HoldfastYAML",
        "DomainXML"
      ],
      swiftSettings: strict),

    // Ring 3.
    .target(
      name: "HoldfastNode",
      dependencies: [
        "HoldfastTime", "GuardCore", "HoldfastModel", "HostParts", "HoldfastPlanning", "HoldfastController", "HoldfastOperator",
        "HoldfastPorts", "HoldfastAPI", "MemoryStore", "EtcdStore", "DomainXML", "LibvirtHypervisor", "GuardDoor",
        "CgroupIsolation", "HealthProbes", "HostServices", "AddressPresence",
        "LinuxBasics", "CSystemd", "CLinux", "HoldfastYAML", "HoldfastPolicies", "Housekeeping",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"), .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "NIOFoundationEssentialsCompat", package: "swift-nio")
      ], swiftSettings: strict),
    .executableTarget(
      name: "holdfastd",
      dependencies: [
        "HoldfastNode",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle")
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "holdfast",
      dependencies: [
        "HoldfastTime", "GuardCore", "HoldfastModel", "HoldfastPlanning", "HoldfastOperator",
        "HoldfastAPI", "HoldfastYAML", "HoldfastPolicies", "Simulator", "Scenarios", "LinuxBasics", "Housekeeping",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "Subprocess", package: "swift-subprocess"), .product(name: "SystemPackage", package: "swift-system")
      ], swiftSettings: strict),
    .executableTarget(
      name: "holdfast-guard",
      dependencies: [
        "GuardCore", "HoldfastTime", "CgroupIsolation", "LinuxBasics", "CLinux",
        .product(name: "SystemPackage", package: "swift-system")
      ],
      swiftSettings: strict,
      // One file that needs no other: half the memory to lock, and nothing that an upgrade could pull from under it.
      linkerSettings: [.unsafeFlags(["-static-executable", "-use-ld=lld"])]),

    // The lab: its driver is shared by the demo, the benchmarks and the tests.
    .target(
      name: "Lab",
      dependencies: [
        "HoldfastOperator", "HoldfastTime", "LinuxBasics", .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "Subprocess", package: "swift-subprocess")
      ], path: "Lab/Driver", swiftSettings: strict),
    .executableTarget(
      name: "holdfast-lab",
      dependencies: [
        "Lab", "HoldfastOperator", "HoldfastTime", .product(name: "ArgumentParser", package: "swift-argument-parser")
      ],
      path: "Lab/Program", swiftSettings: strict),

    // The planner against others, on made clusters.
    .executableTarget(
      name: "planner-bench",
      dependencies: [
        "HoldfastModel", "HoldfastPlanning", .product(name: "ArgumentParser", package: "swift-argument-parser")
      ],
      path: "Examples/planner-bench", swiftSettings: strict),

    // Tests.
    .testTarget(
      name: "CoreTests",
      dependencies: [
        "HoldfastTime", "GuardCore", "HoldfastModel", "HostParts", "HoldfastChecks", "HoldfastPlanning", "HoldfastController",
        "HoldfastOperator", "Housekeeping"
      ]),
    .testTarget(
      name: "PolicyTests",
      dependencies: ["GuardCore", "HoldfastModel", "HoldfastPlanning", "HoldfastYAML", "HoldfastPolicies", "HoldfastAPI"]),
    .testTarget(
      name: "SimulatorTests",
      dependencies: [
        "Simulator", "Scenarios", "HoldfastTime", "GuardCore", "HoldfastModel", "HostParts", "HoldfastPlanning",
        "HoldfastController", "HoldfastYAML"
      ]),
    .testTarget(
      name: "GuardTests",
      dependencies: [
        "HoldfastTime", "GuardCore", "HoldfastPorts", "CgroupIsolation", "GuardDoor", "LinuxBasics", "CLinux",
        .product(name: "Logging", package: "swift-log"), .product(name: "SystemPackage", package: "swift-system")
      ]),
    .testTarget(
      name: "StoreTests",
      dependencies: [
        "HoldfastPorts", "HoldfastModel", "HoldfastOperator", "HoldfastAPI", "GuardCore", "Housekeeping", "MemoryStore",
        "EtcdStore",
        .product(name: "Logging", package: "swift-log")
      ]),
    .testTarget(
      name: "HypervisorTests",
      dependencies: [
        "HoldfastPorts", "HoldfastModel", "GuardCore", "HoldfastTime", "CgroupIsolation", "DomainXML", "LibvirtHypervisor",
        .product(name: "Logging", package: "swift-log"), .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system")
      ],
      exclude: ["Domains", "Support/libvirt-host.sh"]),
    .testTarget(
      name: "ProbeTests",
      dependencies: [
        "HealthProbes", "HoldfastChecks", "HoldfastPorts", "HoldfastModel", "HoldfastTime", "CgroupIsolation", "CLinux",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"), .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system")
      ]),
    .testTarget(
      name: "HostTests",
      dependencies: [
        "HostServices", "HostParts", "HoldfastPorts", "HoldfastModel", "HoldfastTime", "GuardCore", "CgroupIsolation",
        "LinuxBasics", .product(name: "Logging", package: "swift-log")
      ],
      exclude: ["Support/systemd-host.sh"]),
    .testTarget(name: "AddressTests", dependencies: ["AddressPresence", "GuardCore", "LinuxBasics"]),
    .testTarget(
      name: "NodeTests",
      dependencies: [
        "HoldfastNode", "HoldfastAPI", "HoldfastYAML", "HoldfastPolicies", "GuardCore", "HoldfastModel",
        "HostParts", "HoldfastPlanning", "HoldfastController", "HoldfastOperator", "HoldfastPorts", "Housekeeping",
        "HoldfastTime",
        "MemoryStore", "LinuxBasics",
        .product(name: "AsyncHTTPClient", package: "async-http-client"), .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "Subprocess", package: "swift-subprocess"), .product(name: "SystemPackage", package: "swift-system")
      ]),
    .testTarget(name: "LabTests", dependencies: ["Lab", "HoldfastAPI", "HoldfastOperator", "HoldfastTime"])
  ],
  swiftLanguageModes: [.v6]
)

for target in package.targets where target.type == .test { target.swiftSettings = imports }
