import Foundation
import HoldfastModel
import HoldfastTime
import Testing

/// A libvirt driver that the conformance suite runs over.
enum TestedDriver: String, CaseIterable, CustomTestStringConvertible {
  case test, lxc, qemu

  static var available: [TestedDriver] { TestHost.isOff ? [.test] : allCases }
  var testDescription: String { rawValue }

  /// Whether a guest of it goes down when it is asked to.
  var obeys: Bool { self != .qemu }
  var hasProcesses: Bool { self != .test }

  /// - Parameter host: nil: the host of the running test.
  func uri(on host: TestHost? = nil) throws -> String {
    self == .test ? "test:///default" : try (host ?? TestHost.required()).uri(rawValue)
  }
}

/// A domain to start, with names of its own.
struct TestDomain {
  var id: DomainID
  var uuid = UUID().uuidString.lowercased()
  var xml: String
  var epoch: Int64 = 7

  var mark: ClaimMark { ClaimMark(cluster: Watched.cluster, workload: id.name, epoch: Epoch(epoch)) }

  /// - Parameters:
  ///   - host: nil: the host of the running test.
  ///   - initProgram: of a container.
  init(
    _ driver: TestedDriver, _ name: String, on host: TestHost? = nil, initProgram: String = "/sbin/init",
    environment: String = ""
  ) throws {
    id = DomainID(connection: try driver.uri(on: host), name: name)
    let rootfs = try driver == .lxc ? "\(TestHost.required().directory)/rootfs" : ""
    let (type, os, devices) =
      switch driver {
      case .test: ("test", "<type>hvm</type>", "")
      case .lxc:
        (
          "lxc", "<type>exe</type><init>\(initProgram)</init>\(environment)",
          """
          <filesystem type='mount'><source dir='\(rootfs)'/><target dir='/'/></filesystem>
          <interface type='bridge'><source bridge='br0'/></interface><console type='pty'/>
          """
        )
      case .qemu:
        (
          "qemu", "<type arch='x86_64' machine='pc'>hvm</type>",
          """
          <interface type='bridge'><source bridge='br0'/></interface>
          <controller type='usb' model='none'/><memballoon model='none'/>
          """
        )
      }
    xml = """
      <domain type='\(type)' id='99'>
        <name>somebody-else</name>
        <uuid>\(UUID().uuidString)</uuid>
        <memory unit='MiB'>32</memory><vcpu>1</vcpu>
        <os>\(os)</os>
        <features><acpi/></features>
        <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
        <devices>\(devices)</devices>
      </domain>
      """
  }

  var request: StartRequest {
    StartRequest(
      id: id, xml: xml, uuid: uuid, mark: mark, partition: "/holdfast/freeze", links: ["hf-\(id.name.prefix(12))"],
      notAfter: BootInstant(nanoseconds: .max))
  }

  /// The XML as a user has it who defines the domain himself.
  var usersXML: String {
    xml.replacing(/<name>.*<\/name>/, with: "<name>\(id.name)</name>").replacing(
      /<uuid>.*<\/uuid>/, with: "<uuid>\(uuid)</uuid>"
    )
    .replacing(" id='99'", with: "")
  }
}

/// Runs `body` on every domain at the same time.
func atOnce(_ domains: [TestDomain], _ body: @escaping @Sendable (TestDomain) async -> Void) async {
  await withDiscardingTaskGroup { group in
    for domain in domains { group.addTask { await body(domain) } }
  }
}
