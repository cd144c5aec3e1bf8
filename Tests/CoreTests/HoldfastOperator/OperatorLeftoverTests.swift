import HoldfastController
import HoldfastModel
import HoldfastOperator
import Testing

@Suite struct `Operator has leftovers removed` {
  private func report(_ fixture: OperatorFixture, _ node: NodeName, _ leftovers: [LeftoverDefinition]) {
    fixture.put(
      .report(node),
      .report(
        ReportRecord(
          unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [], leftovers: leftovers)))
  }

  @Test func `it says where, and the nodes are asked once`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    report(fixture, "b", [LeftoverDefinition(of: "web1", autostart: true), LeftoverDefinition(of: "other")])
    report(fixture, "c", [LeftoverDefinition(of: "web1", otherUUID: "another")])
    let remove = OperatorCommand.removeLeftovers("web1", true), keep = OperatorCommand.removeLeftovers("web1", false)
    #expect(try keep.prepare(in: fixture.view).effect == .unchanged)
    let prepared = try remove.prepare(in: fixture.view)
    #expect(prepared.text == "its shut-off definition on b is removed, and so is one that a node finds later")
    #expect(prepared.news != nil && fixture.commit(prepared.transaction))
    #expect(fixture.view.intents["web1"]?.value == IntentRecord(desired: .running, removesLeftovers: true))
    #expect(try remove.prepare(in: fixture.view).transaction == nil)

    // What else is asked of the workload leaves that as it is.
    #expect(fixture.commit(try OperatorCommand.stop("web1").prepare(in: fixture.view).transaction))
    #expect(fixture.view.intents["web1"]?.value == IntentRecord(desired: .stopped, removesLeftovers: true))
    #expect(fixture.commit(try keep.prepare(in: fixture.view).transaction))
    #expect(fixture.view.intents["web1"]?.value == IntentRecord(desired: .stopped))
  }

  @Test func `it is agreed to at adoption, or not`() throws {
    let fixture = OperatorFixture()
    for isAgreed in [true, false] {
      let options = Adoption.Options(removesLeftovers: isAgreed)
      let prepared = try OperatorCommand.adopt(fixture.adoption(OperatorFixture.domain("web1"), options: options))
        .prepare(in: fixture.view)
      #expect(prepared.text.contains("shut-off definitions of it on other nodes are removed") == isAgreed)
      let intent = IntentRecord(desired: .adopting, adopter: "a", removesLeftovers: isAgreed ? true : nil)
      #expect(prepared.transaction?.writes.contains(.put(.intent("web1"), .intent(intent))) == true)
    }
  }

  @Test func `a workload that is unknown, or leaves protection, is refused`() {
    let fixture = OperatorFixture()
    #expect(fixture.refusal(of: .removeLeftovers("web1", true))?.kind == .unknown)
    fixture.run("web1", on: "a")
    fixture.put(.intent("web1"), .intent(IntentRecord(desired: .unprotected)))
    #expect(fixture.refusal(of: .removeLeftovers("web1", true)) != nil)
  }

  @Test func `what the asked node sees now comes before what it reported`() {
    let fixture = OperatorFixture()
    let spec = OperatorFixture.spec("web1")
    fixture.run("web1", on: "a")
    report(fixture, "a", [LeftoverDefinition(of: "web1", otherName: "gone")])
    report(fixture, "b", [LeftoverDefinition(of: "web1", autostart: true)])
    // A node that is down may have changed.
    report(fixture, "c", [LeftoverDefinition(of: "web1")])
    let now = [LeftoverDefinition(of: "web1", otherUUID: "u7"), LeftoverDefinition(of: "web2")]
    let warnings = fixture.view.leftoverWarnings(of: "web1", spec, on: "a", now: now)
    #expect(
      warnings == [
        "a: another domain of its name is defined there, with UUID u7, so it cannot start there: `virsh -c lxc:///system undefine web1` there, or give the workload another name and UUID",
        "b: a definition of it is left there, and libvirt starts it when b boots, so it cannot start there: `holdfast leftovers remove web1`"
      ])
    #expect(fixture.view.leftoverWarnings(of: "web1", spec, on: "a", now: nil).first?.contains("the domain gone") == true)
  }

  @Test func `one that names other disks than the workload is not advised to be removed before that is decided`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    var spec = OperatorFixture.spec("web1")
    spec.xml = "<domain><devices><disk><source file='/vm/w'/><target dev='vda'/></disk></devices></domain>"
    fixture.put(.spec("web1"), .spec(spec))
    let remove = OperatorCommand.removeLeftovers("web1", true)
    report(fixture, "b", [LeftoverDefinition(of: "web1", disks: ["vda": "/vm/w"])])
    #expect(try !remove.prepare(in: fixture.view).text.contains("disk vda"))
    report(fixture, "b", [LeftoverDefinition(of: "web1", disks: ["vda": "/vm/w.snap"])])
    let words = "disk vda is /vm/w.snap there, and /vm/w in the workload's definition"
    let text = try remove.prepare(in: fixture.view).text
    #expect(text.hasSuffix("; on b a definition of it is left there that names other disks: \(words)"), "\(text)")
    let warning = try #require(fixture.view.leftoverWarnings(of: "web1", spec, on: "a", now: nil).first)
    #expect(warning.contains(words) && warning.contains("decide which disks hold before you remove it"), "\(warning)")
    let status = ClusterStatus(fixture.view, cluster: "t", node: "a", storeSilence: 0, history: [], now: 0)
    #expect(status.next.contains { $0.command == "holdfast leftovers" }, "\(status.next)")
    #expect(!status.next.contains { $0.command.hasPrefix("holdfast leftovers remove") })
  }
}
