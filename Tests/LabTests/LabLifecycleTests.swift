import Foundation
import Lab
import Testing

extension LabHostsTests {
  @Suite struct Lifecycle {
    /// In every name and folder of this process's labs.
    private let mark = "test-\(getpid())"

    @Test func `up brings hosts that hold containers and a store, down leaves nothing`() async throws {
      #expect(try leftovers(of: mark).isEmpty)
      try await withLab { lab in
        let probe = try await lab.unmanagedWithProbe()
        await probe.stop()
        for host in [1, 2, 3].map({ LabHost($0) }) {
          #expect(try await lab.etcdWrites(host))
          #expect(try await lab.run(host, ["hostname"]).output == "\(host)\n")
          #expect(try await lab.run(host, ["virsh", "-q", "-c", "qemu:///system", "list"]).succeeded)
        }
        #expect(try await lab.status().contains("h3"))
        let inUse = try leftovers(of: mark)
        #expect(inUse.contains { $0.hasPrefix("cgroup") } && inUse.contains { $0.hasPrefix("process") })
        #expect(inUse.contains { $0.hasSuffix("mountinfo") } && inUse.contains { $0.hasPrefix("/var/tmp") })

        let second = await #expect(throws: LabError.self) { try await lab.up(holdfast: false) }
        #expect("\(try #require(second))".contains("is up"))
        let larger = await #expect(throws: LabError.self) { try await lab.up(hosts: 4, holdfast: false) }
        #expect("\(try #require(larger))".contains("is up with 3 host(s), or what is left of it, and cannot have 4"))
        #expect(try await lab.etcdWrites(LabHost(1)), "the lab that was up goes on")
      }
      #expect(try leftovers(of: mark) == [])
      try await testLab().down()
    }

    @Test(arguments: [50, 200, 500, 900, 1500])
    func `down cleans up after everything was killed in the middle of up`(milliseconds: Int) async throws {
      let lab = try await testLab()
      let starting = Task { try? await lab.up(holdfast: false) }
      try await Task.sleep(for: .milliseconds(milliseconds))
      let killed = try killEverything(of: lab)
      print("lab: killed \(killed) processes \(milliseconds) ms into up")
      _ = await starting.value
      try await lab.down()
      #expect(try leftovers(of: mark) == [])
    }

    /// SIGKILL to every process of the lab and of the script that starts it, once.
    private func killEverything(of lab: LabCluster) throws -> Int {
      let processes = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }.filter { process in
        guard process != getpid() else { return false }
        return ["cgroup", "environ"].contains { file in
          let data = FileManager.default.contents(atPath: "/proc/\(process)/\(file)") ?? Data()
          return String(decoding: data, as: UTF8.self).contains(mark)
        }
      }
      for process in processes { kill(process, SIGKILL) }
      return processes.count
    }

    @Test func `two labs with the same addresses do not know of each other`() async throws {
      try await withLab(hosts: 1) { first in
        try await withLab(hosts: 1, "-b") { second in
          let probes = [try await first.unmanagedWithProbe(), try await second.unmanagedWithProbe()]
          #expect(try first.addresses() == second.addresses())
          try await first.kill(LabHost(1))
          #expect(await probes[0].wait(.seconds(5)) { $0["unmanaged-h1"]?.silentSince != nil })
          #expect(probes[1].history("unmanaged-h1").silentSince == nil)
          try await first.down()
          #expect(try await second.etcdWrites(LabHost(1)))
          for probe in probes { await probe.stop() }
        }
      }
      #expect(try leftovers(of: mark) == [])
    }

    @Test func `up says what does not come up, with the end of its log`() async throws {
      let programs = FileManager.default.temporaryDirectory.appendingPathComponent("holdfast-labtest-programs-\(getpid())")
      try FileManager.default.createDirectory(at: programs, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: programs) }
      for name in ["holdfastd", "holdfast-guard"] {
        let path = programs.appendingPathComponent(name).path
        try "#!/bin/sh\necho \"$0 $*: no luck today\"; exit 1\n".write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
      }
      let lab = try await testLab(environment: ["HOLDFAST_BIN": programs.path, "LAB_PATIENCE": "4"])
      let error = await #expect(throws: LabError.self) { try await lab.up(hosts: 1) }
      let said = "\(try #require(error))"
      #expect(said.contains("holdfast-guard on h1 does not come up"))
      #expect(said.contains("--run-dir /run/holdfast --partition /holdfast: no luck today"))
      try await lab.down()
      #expect(try leftovers(of: mark) == [])
    }
  }
}
