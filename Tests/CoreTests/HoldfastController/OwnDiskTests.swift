import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// Disks that are files of this node alone: reported of what runs here, and nothing is decided by them.
@Suite struct `Disks of a node's own` {
  private func running() -> Rig {
    var rig = Rig.guarded()
    rig.apply("w1")
    rig.pass(.seconds(2))
    rig.actions = []
    return rig
  }

  @Test func `go into the report of the node that holds the workload, once`() {
    var rig = running()
    #expect(rig.report()?.ownDisks == nil)
    rig.send(.ownDisks([:]))
    #expect(rig.transactions().isEmpty, "there is nothing to tell")
    // Of another node's no more is known here than that it was seen.
    rig.send(.ownDisks(["w1": "/srv/a.img", "w9": "/srv/b.img"]))
    rig.pass(.seconds(2))
    #expect(rig.report()?.ownDisks == ["w1": "/srv/a.img"])
    rig.actions = []
    rig.send(.ownDisks(["w1": "/srv/a.img", "w9": "/srv/b.img"]))
    #expect(rig.transactions().isEmpty, "it is no news")
    rig.send(.ownDisks([:]))
    rig.pass(.seconds(2))
    #expect(rig.report()?.ownDisks == nil)
    #expect(rig.executes("w1") && rig.stops().isEmpty)
  }

  @Test func `do not keep a live move from being tried`() {
    var rig = Rig.follower()
    var node = Rig.node
    node.migration = [Rig.connection: "qemu+tls://n2/system"]
    rig.domainsObey = true
    rig.write([.put(.node("n2"), .node(node))])
    rig.apply("w1")
    rig.place("w1", on: "n1")
    rig.send(.ownDisks(["w1": "/srv/a.img"]))
    rig.actions = []
    rig.place("w1", on: "n2")
    #expect(rig.claim("w1")?.migration?.step == .offered)
    #expect(rig.stops().isEmpty)
  }
}
