import HoldfastModel
import HoldfastOperator
import Testing

@Suite struct `What libvirt keeps of a domain` {
  private func adoption(
    _ kept: KeptState, acceptsLoss: Bool = false, persistent: Bool = true, xml: String = OperatorFixture.xml
  ) -> Adoption {
    var domain = OperatorFixture.domain("web1")
    domain.persistent = persistent
    var adoption = OperatorFixture().adoption(domain, options: .init(acceptsLoss: acceptsLoss))
    adoption.kept = kept
    adoption.xml = xml
    return adoption
  }

  private static let again = "`holdfast adopt lxc:///system/web1 --accept-loss`"

  static let losses: [(kept: KeptState, reason: String, remedy: [String], warning: String?)] = [
    (
      KeptState(snapshots: ["before-upgrade"]),
      "adopted, it becomes transient, and libvirt forgets its snapshot before-upgrade when it ends",
      ["`virsh -c lxc:///system snapshot-delete web1 before-upgrade`", "`--metadata`", again],
      "libvirt forgets its snapshot before-upgrade when it ends"
    ),
    (
      KeptState(snapshots: ["s1", "s2", "s3", "s4", "s5"]),
      "adopted, it becomes transient, and libvirt forgets its 5 snapshots (s1, s2, s3 and 2 more) when it ends", [again],
      "libvirt forgets its 5 snapshots (s1, s2, s3 and 2 more) when it ends"
    ),
    (
      KeptState(checkpoints: ["monday"]),
      "adopted, it becomes transient, and libvirt forgets its checkpoint monday when it ends",
      ["`virsh -c lxc:///system checkpoint-delete web1 monday`", "a full one", again],
      "libvirt forgets its checkpoint monday when it ends"
    ),
    (
      KeptState(losesTPM: true),
      "adopted, it becomes transient, and libvirt removes the state of its emulated TPM when it ends",
      ["persistent_state='yes'", "`virsh -c lxc:///system edit web1`", again],
      "libvirt removes the state of its emulated TPM when it ends"
    ),
    (
      KeptState(hasSavedState: true),
      "libvirt has a saved state of it, which is older than what runs, and removes no definition that has one",
      ["`virsh -c lxc:///system managedsave-remove web1`"], nil
    )
  ]

  @Test(arguments: losses.indices) func `is not lost by its adoption, unless it is given up`(_ index: Int) throws {
    let (kept, reason, remedy, warning) = Self.losses[index]
    let fixture = OperatorFixture()
    let refusal = try #require(fixture.refusal(of: .adopt(adoption(kept))))
    #expect(refusal.kind == .conflict && refusal.reason == reason)
    for part in remedy { #expect(refusal.remedy.contains(part), "\(refusal)") }
    #expect(adoption(kept).lossWarnings.isEmpty)

    let given = adoption(kept, acceptsLoss: true)
    // Nobody may want a state that the disks have left behind.
    #expect((fixture.refusal(of: .adopt(given)) == nil) == (warning != nil))
    #expect(given.lossWarnings == (warning.map { [$0] } ?? []))
    // What is transient already loses nothing by it.
    #expect(fixture.refusal(of: .adopt(adoption(kept, persistent: false))) == nil)
    #expect(adoption(kept, acceptsLoss: true, persistent: false).lossWarnings.isEmpty)
  }

  @Test func `is told after what stands against the adoption anyway`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "b")
    let refusal = try #require(fixture.refusal(of: .adopt(adoption(KeptState(snapshots: ["s"])))))
    #expect(refusal.reason.contains("another workload is protected under this name"))
  }

  @Test func `shares what the operator says that it shares`() throws {
    let fixture = OperatorFixture()
    let adoption = fixture.adoption(OperatorFixture.domain("web1"), options: .init(shared: ["/srv/www", "/a", "/a"]))
    #expect(fixture.commit(try OperatorCommand.adopt(adoption).prepare(in: fixture.view).transaction))
    #expect(fixture.view.specs["web1"]?.value.shared == ["/a", "/srv/www"])
  }
}

@Suite struct `Files of one node` {
  private func warnings(_ devices: String, os: String = "", own: Set<String>) -> [String] {
    let belongings = DomainBelongings(of: "<domain type='kvm'><os>\(os)</os><devices>\(devices)</devices></domain>")
    return NodeFiles(on: "a", local: { own.intersection($0) }, of: belongings).warnings(belongings)
  }

  @Test func `are told, what is on shared storage is not`() {
    let devices = """
      <disk><source file='/img/a.qcow2'/></disk><disk device='cdrom'><source file='/iso/seed.iso'/></disk>
      <serial type='file'><source path='/log/a'/></serial><tpm><backend type='emulator' persistent_state='yes'/></tpm>
      """
    let nvram = "<nvram>/nvram/a_VARS.fd</nvram>"
    #expect(warnings(devices, os: nvram, own: []).isEmpty)
    #expect(
      warnings(devices, os: nvram, own: ["/iso/seed.iso"]) == [
        "it starts only where it finds /iso/seed.iso, which is on a file system of a's own"
      ])
    #expect(
      warnings(
        devices, os: nvram,
        own: ["/img/a.qcow2", "/iso/seed.iso", "/log/a", "/nvram/a_VARS.fd", DomainBelongings.tpmFolder]) == [
          "it starts only where it finds /img/a.qcow2 and /iso/seed.iso, which are on a file system of a's own",
          "its firmware variables (/nvram/a_VARS.fd) are on a file system of a's own: started on another node it has new ones, without its "
            + "boot entries and keys",
          "the state of its emulated TPM (in /var/lib/libvirt/swtpm) is on a file system of a's own: started on another node it has an "
            + "empty one",
          "what its consoles write to /log/a stays on the node where it ran"
        ])
  }

  @Test func `are none where a TPM keeps nothing, which is told instead`() {
    let said = warnings("<tpm><backend type='emulator'/></tpm>", own: [])
    #expect(
      said == [
        "libvirt removes the state of its emulated TPM whenever it ends: write persistent_state='yes' into the <backend> of its <tpm>"
      ])
  }
}
