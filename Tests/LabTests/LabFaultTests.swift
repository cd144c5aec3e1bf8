import Foundation
import HoldfastTime
import Lab
import Testing

extension LabHostsTests {
  @Suite struct Faults {
    private let h1 = LabHost(1)
    private let h2 = LabHost(2)
    private let h3 = LabHost(3)

    @Test func `a killed host is silent at once and says no goodbye, and boots with its disk`() async throws {
      try await withLab { lab in
        let probe = try await lab.unmanagedWithProbe()
        let machine = try await lab.run(h2, ["cat", "/etc/machine-id"]).output
        _ = try await lab.run(h2, ["touch", "/run/lost", "/var/lib/libvirt/kept"])
        let peers = ["ss", "-Htn", "state", "established", "dst", lab.address(h2)]
        #expect(try await lab.run(h1, peers).output != "")

        let off = try await lab.kill(h2)
        #expect(try await lab.run(h1, peers).output != "", "h1's connections to h2 were closed by somebody")
        #expect(await probe.wait(.seconds(5)) { $0["unmanaged-h2"]?.silentSince != nil })
        let last = try #require(try lab.unmanagedLives(h2).last)
        print("lab: last beat of the killed host \(last.last - off) after the power went")
        #expect(last.last - off < .seconds(2))
        #expect(try await !lab.pings(from: h1, to: h2))
        #expect(try await eventually { try await lab.etcdWrites(h1) })
        #expect(try await [h1, h3].contains(lab.leader()))
        for host in [h1, h3] { #expect(probe.history("unmanaged-\(host)").gaps.isEmpty) }
        #expect(try lab.unmanagedLives(h2).last == last, "something of h2 still executes")

        try await lab.boot(h2)
        #expect(try await lab.run(h2, ["cat", "/etc/machine-id"]).output == machine)
        #expect(try await lab.run(h2, ["ls", "/run/lost", "/var/lib/libvirt/kept"]).output == "/var/lib/libvirt/kept\n")
        #expect(try await lab.run(h2, ["virsh", "-q", "-c", "lxc:///system", "list", "--all"]).output.contains("unm") == false)
        #expect(try await eventually { try await lab.etcdWrites(h2) })
        await probe.stop()
      }
    }

    @Test func `a host that is frozen goes on where it was`() async throws {
      try await withLab { lab in
        let probe = try await lab.unmanagedWithProbe()
        let before = try lab.unmanagedLives(h2)
        try await lab.freeze(h2)
        #expect(await probe.wait(.seconds(5)) { $0["unmanaged-h2"]?.silentSince != nil })
        #expect(try await lab.status().contains("frozen"))
        try await lab.thaw(h2)
        #expect(await probe.wait(.seconds(5)) { $0["unmanaged-h2"]?.gaps.isEmpty == false })
        await probe.stop()
        #expect(probe.history("unmanaged-h2").gaps.map(\.kind) == [.pause])
        let after = try lab.unmanagedLives(h2)
        #expect(after.map(\.start) == before.map(\.start), "the container was started anew")
        #expect(after[0].longestPause > .milliseconds(200))
      }
    }

    @Test func `a cut host neither hears nor is heard, until it is healed`() async throws {
      try await withLab { lab in
        let probe = try await lab.unmanagedWithProbe()
        try await lab.cut(h2)
        #expect(await probe.wait(.seconds(5)) { $0["unmanaged-h2"]?.silentSince != nil })
        #expect(try await !lab.pings(from: h1, to: h2))
        #expect(try await !lab.pings(from: h2, to: h1))
        #expect(try await !lab.etcdWrites(h2))
        #expect(try await eventually { try await lab.etcdWrites(h1) })
        try await lab.heal(h2)
        #expect(await probe.wait(.seconds(5)) { $0["unmanaged-h2"]?.silentSince == nil })
        #expect(try await lab.pings(from: h2, to: h1))
        #expect(try await eventually { try await lab.etcdWrites(h2) })
        await probe.stop()
        #expect(probe.history("unmanaged-h2").gaps.map(\.kind) == [.pause])
        #expect(probe.history("unmanaged-h1").gaps.isEmpty)
      }
    }

    @Test func `cut one way, the other way still goes`() async throws {
      try await withLab { lab in
        // Who answers whom is known beforehand, so that only the cut decides.
        #expect(try await lab.pings(from: h1, to: h2))
        for (cut, speaker, listener) in [(LabCut.incoming, h2, h1), (.outgoing, h1, h2)] {
          try await lab.cut(h2, cut)
          let (heard, lost) = (try await lab.echoRequests(listener), try await lab.echoRequests(speaker))
          #expect(try await !lab.pings(from: speaker, to: listener), "the answer cannot come back")
          #expect(try await !lab.pings(from: listener, to: speaker))
          #expect(try await lab.echoRequests(listener) == heard + 1, "\(cut): \(speaker) is heard by \(listener)")
          #expect(try await lab.echoRequests(speaker) == lost, "\(cut): \(speaker) hears nothing of \(listener)")
          try await lab.heal(h2)
          #expect(try await lab.pings(from: listener, to: speaker))
        }
      }
    }

    @Test func `cut off from etcd only, everything else goes on`() async throws {
      try await withLab { lab in
        let probe = try await lab.unmanagedWithProbe()
        try await lab.cut(h2, .etcd)
        #expect(try await eventually { try await !lab.etcdWrites(h2) })
        #expect(try await eventually { try await lab.etcdWrites(h1) })
        #expect(try await lab.pings(from: h1, to: h2))
        #expect(try await lab.pings(from: h2, to: h1))
        #expect(try await lab.run(h1, ["curl", "-sf", "-m1", "http://10.77.2.2/"]).output.hasPrefix("unmanaged-h2 - - "))
        try await lab.heal(h2)
        #expect(try await eventually { try await lab.etcdWrites(h2) })
        await probe.stop()
        #expect(probe.histories.values.allSatisfy { $0.gaps.isEmpty && $0.silentSince == nil })
      }
    }

    @Test func `another leads when etcd's leader dies`() async throws {
      try await withLab { lab in
        let old = try await lab.leader()
        let off = try await lab.kill(old)
        #expect(try await eventually { (try? await lab.leader()).map { $0 != old } ?? false })
        print("lab: another etcd leader seen \((LabClock.now - off).formatted()) after the old one's power went")
        let survivor = try #require([h1, h2, h3].first { $0 != old })
        #expect(try await eventually { try await lab.etcdWrites(survivor) })
      }
    }

    @Test func `a service is restarted when it dies, and not when it was stopped`() async throws {
      try await withLab(hosts: 1) { lab in
        let probe = try await lab.unmanagedWithProbe()
        let virsh = ["timeout", "1", "virsh", "-q", "-c", "lxc:///system", "list"]
        for service in [LabService.etcd, .libvirtd] {
          let before = try #require(try await lab.servicePID(h1, service))
          try await lab.service(h1, service, .kill)
          let restarted = try await eventually(.seconds(2)) {
            (try await lab.servicePID(h1, service)).map { $0 != before } ?? false
          }
          #expect(restarted, "\(service)")
        }
        #expect(try await eventually { try await lab.run(h1, virsh).output.contains("unmanaged-h1") })

        try await lab.service(h1, .libvirtd, .pause)
        #expect(try await lab.run(h1, virsh).status == 124)
        try await lab.service(h1, .libvirtd, .resume)
        #expect(try await eventually { try await lab.run(h1, virsh).succeeded })

        try await lab.service(h1, .libvirtd, .stop)
        try await Task.sleep(for: .milliseconds(600))
        #expect(try await lab.servicePID(h1, .libvirtd) == nil)
        try await lab.service(h1, .libvirtd, .start)
        #expect(try await eventually { try await lab.run(h1, virsh).output.contains("unmanaged-h1") })

        await probe.stop()
        #expect(probe.history("unmanaged-h1").gaps.isEmpty)
        #expect(try lab.unmanagedLives(h1).count == 1)
      }
    }

    @Test func `a workload that is started on another host is one that moved`() async throws {
      try await withLab(hosts: 2) { lab in
        try await lab.workloads(count: 1)
        let create = ["virsh", "-q", "-c", "lxc:///system", "create", "\(lab.workloadsFolder)/web1.xml"]
        #expect(try await lab.run(h1, create).succeeded)
        let probe = try await HTTPProbe(targets: try lab.addresses(), namespace: try lab.switchNamespace())
        #expect(await probe.wait(.seconds(5)) { $0["web1"]?.answers.isEmpty == false })
        try await lab.cut(h1)
        #expect(await probe.wait(.seconds(5)) { $0["web1"]?.silentSince != nil })
        #expect(try await lab.run(h2, create).succeeded)
        #expect(await probe.wait(.seconds(5)) { $0["web1"]?.gaps.isEmpty == false })
        await probe.stop()
        // Nobody fenced h1: the container runs twice now, and the checker must say so.
        try await Task.sleep(for: .milliseconds(50))
        let violations = try BeatCheck.folder(lab.beatsFolder).violations
        #expect(!violations.isEmpty, "the same container on two hosts went unnoticed")
        print("lab: planted: \(violations.first.map { "\($0)" } ?? "nothing")")
      }
    }
  }
}
