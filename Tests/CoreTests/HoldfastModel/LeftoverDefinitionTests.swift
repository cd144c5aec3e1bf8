import HoldfastModel
import Testing

@Suite struct `A leftover definition` {
  private static let codec = RecordCodec(cluster: "c")

  static let words: [(LeftoverDefinition, Bool, clause: String, remedy: String)] = [
    (LeftoverDefinition(of: "w"), true, "a definition of it is left there", "`holdfast leftovers remove w`"),
    (
      LeftoverDefinition(of: "w", isRunning: true), false, "a copy of it runs there outside protection",
      "`virsh -c lxc:///system destroy w`, then `holdfast leftovers remove w`"
    ),
    (
      LeftoverDefinition(of: "w", otherUUID: "u7"), false, "another domain of its name is defined there, with UUID u7",
      "`virsh -c lxc:///system undefine w` there, or give the workload another name and UUID"
    ),
    (
      LeftoverDefinition(of: "w", otherUUID: "u7", isRunning: true), false,
      "another domain of its name runs there, with UUID u7",
      "`virsh -c lxc:///system destroy w`, then `virsh -c lxc:///system undefine w` there, or give the workload another name and UUID"
    ),
    (
      LeftoverDefinition(of: "w", otherName: "old"), false,
      "its UUID is that of the domain old, which is defined there outside protection",
      "`virsh -c lxc:///system undefine old` there, or give the workload another name and UUID"
    )
  ]

  @Test(arguments: words.indices) func `says what it is and what to do about it`(_ index: Int) {
    let (leftover, isRemovable, clause, remedy) = Self.words[index]
    #expect(leftover.isRemovable == isRemovable && leftover.clause == clause)
    #expect(leftover.remedy("lxc:///system") == remedy)
  }

  @Test func `of a machine keeps its firmware variables`() {
    #expect(
      LeftoverDefinition(of: "w", otherUUID: "u7").remedy("qemu:///system").contains(
        "`virsh -c qemu:///system undefine --keep-nvram w`"))
    #expect(LeftoverDefinition.undefinition(of: "w", "lxc:///system") == "virsh -c lxc:///system undefine w")
  }

  @Test func `goes into the report and comes back`() throws {
    let leftovers = [LeftoverDefinition(of: "w", autostart: true), LeftoverDefinition(of: "x", otherName: "y", isRunning: true)]
    let report = Record.report(
      ReportRecord(
        unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [], leftovers: leftovers))
    #expect(Self.codec.decode(try Self.codec.encode(report), at: .report("n1")) == report)
  }

  @Test func `is to stay, where a build before that question wrote the intent`() throws {
    let old = Self.codec.decode([UInt8](#"{"desired":"running"}"#.utf8), at: .intent("w"))
    #expect(old == .intent(IntentRecord(desired: .running)))
    let agreed = Record.intent(IntentRecord(desired: .running, removesLeftovers: true))
    #expect(Self.codec.decode(try Self.codec.encode(agreed), at: .intent("w")) == agreed)
  }

  @Test func `may name other disks than the workload's definition`() throws {
    func xml(_ disks: String...) -> String {
      "<domain><devices>\(disks.map { "<disk\($0)</disk>" }.joined())</devices></domain>"
    }
    let stored = xml("><source file='/vm/a'/><target dev='vda'/>", "><source file='/vm/b'/><target dev='vdb'/>")
    let kept = xml(
      "><source file='/vm/a.snap'/><target dev='vda'/>", "><source file='/vm/b'/><target dev='vdb'/>",
      " device='cdrom'><source file='/x.iso'/><target dev='sda'/>")
    let leftover = LeftoverDefinition(of: "w", disks: LeftoverDefinition.disks(in: kept))
    #expect(leftover.disks == ["vda": "/vm/a.snap", "vdb": "/vm/b"], "what lies in a drive is no disk of its own")
    let others = leftover.otherDisks(than: stored)
    #expect(others == ["vda": OtherDisk(stored: "/vm/a", running: "/vm/a.snap")])
    #expect(
      LeftoverDefinition.words(others) == "disk vda is /vm/a.snap there, and /vm/a in the workload's definition")
    #expect(leftover.otherDisks(than: kept).isEmpty && leftover.otherDisks(than: "<").isEmpty)
    #expect(LeftoverDefinition(of: "w").otherDisks(than: stored).isEmpty, "it is not known")
    #expect(LeftoverDefinition.disks(in: "<domain/>") == nil)
  }
}
