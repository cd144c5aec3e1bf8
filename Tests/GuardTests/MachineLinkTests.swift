import GuardCore
import HoldfastTime
import Testing

/// Links come and go, and who changes them may have to wait for the kernel.
@Suite struct `The guard's machine and links` {
  static let far = Duration.seconds(60)

  private func asked(_ rig: MachineRig) -> [[String]] {
    rig.done.compactMap { if case .linksDown(_, let links) = $0 { links } else { nil } }
  }
  private func raised(_ rig: MachineRig) -> [[String]] {
    rig.done.compactMap { if case .linksUp(let links) = $0 { links } else { nil } }
  }

  @Test func `a link that is gone is not asked about again until it is named again`() {
    var rig = MachineRig.armed([workload("a", links: ["vnet0"]), workload("b", links: ["vnet1", "vnet2"])])
    rig.goneLinks = ["vnet1"]
    rig.advance(.seconds(5))
    #expect(asked(rig) == [["vnet0", "vnet1", "vnet2"]])
    #expect(rig.record?.taken.down == ["vnet0", "vnet2"])
    rig.goneLinks = ["vnet0"]
    rig.advance(.milliseconds(100))
    rig.done.removeAll()
    rig.advance(.seconds(2))
    #expect(!asked(rig).isEmpty && asked(rig).allSatisfy { $0 == ["vnet2"] })
    // Named again: it is there again.
    rig.goneLinks = []
    rig.done.removeAll()
    rig.command(.protect(workload("b", cgroup: "/c/b2", links: ["vnet1", "vnet2"])))
    #expect(asked(rig) == [["vnet1", "vnet2"]])
    rig.command(.resume(deadline: rig.now + Self.far))
    #expect(raised(rig) == [["vnet1", "vnet2"]])
    // The next isolation asks about all that is known once more.
    rig.goneLinks = ["vnet0"]
    rig.done.removeAll()
    rig.advance(Self.far)
    #expect(asked(rig).first == ["vnet0", "vnet1", "vnet2"])
    #expect(rig.record?.taken.down == ["vnet1", "vnet2"])
  }

  @Test func `nothing waits for links, and there is one order at a time`() {
    var rig = MachineRig.armed([workload("a", .stop, links: ["vnet0"])])
    rig.linksHang = true
    rig.advance(.seconds(5))
    #expect(rig.kills == ["a"])
    #expect(rig.reports.contains { $0.phase == .isolated(since: rig.now, confirmed: true) })
    rig.advance(.seconds(10))
    rig.command(.protect(workload("b", links: ["vnet1"])))
    #expect(asked(rig) == [["vnet0"]])
    #expect(rig.feeding)
    let lines = rig.done.compactMap { if case .log(.error, let text) = $0 { text } else { nil } }
    #expect(lines.count { $0.contains("routing lock") } == 1, "\(lines)")
    // What was named meanwhile follows at once, and is judged by its own result.
    rig.goneLinks = ["vnet1"]
    rig.finishLinks()
    #expect(asked(rig) == [["vnet0"], ["vnet0", "vnet1"]])
    #expect(rig.record?.taken.down == ["vnet0"])
  }

  @Test func `a link that is named while an order hangs is not dropped by that order's result`() {
    var rig = MachineRig.armed([workload("a", links: ["vnet0"])])
    rig.linksHang = true
    rig.advance(.seconds(5))
    rig.command(.protect(workload("a", cgroup: "/c/a2", links: ["vnet0"])))
    guard case .linksDown(let round, _)? = rig.done.last(where: { if case .linksDown = $0 { true } else { false } }) else {
      Issue.record("no order")
      return
    }
    // It was not there when the order was carried out, and is now.
    rig.linksHang = false
    rig.receive(.linksResult(round: round, foundDown: [], gone: ["vnet0"]))
    #expect(asked(rig) == [["vnet0"], ["vnet0"]])
    #expect(rig.record?.taken.down == ["vnet0"])
  }

  @Test func `resumed while an order hangs, links go up when it is known which of them were down before`() {
    var rig = MachineRig.armed([workload("a", links: ["vnet0", "vnet1", "vnet2"])])
    rig.linksHang = true
    rig.foundDown = ["vnet1"]
    rig.goneLinks = ["vnet2"]
    rig.advance(.seconds(5))
    #expect(rig.command(.resume(deadline: rig.now + Self.far)).last?.phase == .armed(deadline: rig.now + Self.far))
    #expect(raised(rig).isEmpty)
    rig.finishLinks()
    #expect(raised(rig) == [["vnet0"]])
  }

  @Test func `isolated again while an order hangs, what the first isolation took down goes up after the second`() {
    var rig = MachineRig.armed([workload("a", links: ["vnet0", "vnet1"])])
    rig.linksHang = true
    rig.foundDown = ["vnet1"]
    rig.advance(.seconds(5))
    rig.command(.resume(deadline: rig.now + Self.far))
    rig.command(.forget(workload: "a"))
    rig.command(.isolate)
    #expect(asked(rig).count == 1)
    rig.finishLinks()
    // By now both are down; only one of them by the guard.
    rig.foundDown = ["vnet0", "vnet1"]
    rig.advance(.milliseconds(200))
    rig.command(.resume(deadline: rig.now + Self.far))
    #expect(raised(rig) == [["vnet0"]])
  }

  @Test func `an older result says nothing`() {
    var rig = MachineRig.isolated([workload("a", links: ["vnet0"])])
    rig.receive(.linksResult(round: 0, foundDown: [], gone: ["vnet0"]))
    #expect(rig.record?.taken.down == ["vnet0"])
  }
}
