import Foundation
import HoldfastModel
import HoldfastPorts
import LibvirtHypervisor
import Testing

/// Disks that people change under a machine while it runs.
@Suite(.libvirtHost, .enabled(if: !TestHost.isOff, "LAB=off")) struct DiskChangeTests {
  private static var limits: LibvirtLimits {
    var limits = LibvirtLimits()
    // libvirt says nothing of an external snapshot.
    (limits.safetyInventory, limits.rereading) = (.milliseconds(300), .milliseconds(200))
    return limits
  }

  private func machine(_ name: String) throws -> (domain: TestDomain, disk: String) {
    var domain = try TestDomain(.qemu, name)
    let disk = "\(try TestHost.required().directory)/\(name).raw"
    try Data(count: 1 << 20).write(to: URL(fileURLWithPath: disk))
    domain.xml = domain.xml.replacing(
      "<devices>",
      with:
        "<devices><disk type='file'><driver name='qemu' type='raw'/><source file='\(disk)'/><target dev='vda' bus='virtio'/></disk>"
    )
    return (domain, disk)
  }

  private static func source(_ event: HypervisorEvent, _ id: DomainID) -> String? {
    event.observation(of: id)?.hardware?.disks.first { $0.target == "vda" }?.source
  }

  @Test func `an external snapshot and its commit are seen, and what runs can be taken over`() async throws {
    let (domain, disk) = try machine("disks")
    let snapshot = "\(disk).snap"
    try await Watched.with([domain.id.connection], limits: Self.limits) { watched in
      let before = try await watched.start(domain)
      #expect(before.hardware?.disks.map(\.source) == [disk])

      var place = await watched.mark
      _ = try await virsh(
        domain, "snapshot-create-as", domain.id.name, "--disk-only", "--no-metadata", "--diskspec", "vda,file=\(snapshot)")
      place = try await watched.expect("the snapshot's disk", from: place) { Self.source($0, domain.id) == snapshot }.next
      let description = try await watched.hypervisor.describe(domain.id), xml = description.xml
      #expect(
        xml.contains(snapshot) && !xml.contains("\(disk)\"") && !xml.contains("\(disk)'"),
        "libvirt finds the image below by itself: \(xml)")
      #expect(description.underneath == [snapshot: [disk]])
      #expect(!xml.contains(ClaimMark.metadataURI) && !xml.contains("<partition>"), "\(xml)")

      _ = try await virsh(domain, "blockcommit", domain.id.name, "vda", "--active", "--pivot", "--wait")
      _ = try await watched.expect("the first disk again", from: place) { Self.source($0, domain.id) == disk }
      #expect(try await watched.hypervisor.describe(domain.id).underneath.isEmpty, "nothing lies under it any more")
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }

  /// It is in the XML of what runs alone, and not in that from which it is started again.
  @Test func `an image that libvirt finds under a disk at the start is told`() async throws {
    let (domain, disk) = try machine("found")
    let snapshot = "\(disk).snap"
    try await Watched.with([domain.id.connection], limits: Self.limits) { watched in
      var next = domain
      _ = try await watched.start(domain)
      let place = await watched.mark
      _ = try await virsh(
        domain, "snapshot-create-as", domain.id.name, "--disk-only", "--no-metadata", "--diskspec", "vda,file=\(snapshot)")
      _ = try await watched.expect("the snapshot's disk", from: place) { Self.source($0, domain.id) == snapshot }
      next.xml = try await watched.hypervisor.describe(domain.id).xml
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
      _ = try await watched.start(next)
      #expect(try await watched.hypervisor.describe(domain.id).underneath == [snapshot: [disk]])
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }

  /// Between two readings of its XML: who stops it to start it again must know first that it would start from the older disk.
  @Test func `a stop right after an external snapshot is refused once, and the disk is told`() async throws {
    let (domain, disk) = try machine("snapped")
    try await Watched.with([domain.id.connection]) { watched in
      _ = try await watched.start(domain)
      let place = await watched.mark
      _ = try await virsh(
        domain, "snapshot-create-as", domain.id.name, "--disk-only", "--no-metadata", "--diskspec", "vda,file=\(disk).snap")
      let refused = await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero)
      if case .failed(let reason) = refused {
        #expect(reason.contains("other disks"))
      } else {
        Issue.record("it was stopped: \(refused)")
      }
      try await watched.expect("the snapshot's disk", from: place) { Self.source($0, domain.id) == "\(disk).snap" }
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }

  @Test func `a definition that somebody gives it beside is seen at once`() async throws {
    let (domain, _) = try machine("redefined")
    try await Watched.with([domain.id.connection]) { watched in
      let before = try await watched.start(domain)
      #expect(!before.persistent)
      let file = "\(try TestHost.required().directory)/redefined.xml", place = await watched.mark
      try domain.usersXML.write(toFile: file, atomically: true, encoding: .utf8)
      _ = try await virsh(domain, "define", file)
      try await watched.expect("a definition beside it", from: place) { $0.observation(of: domain.id)?.persistent == true }
      expectDone(await watched.hypervisor.mark(domain.id, uuid: domain.uuid, mark: domain.mark))
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
    }
  }
}
