import Foundation
import HoldfastModel
import HoldfastPorts
import LibvirtHypervisor
import Logging
import Testing

/// What is told of domains that only libvirt's test driver has, in this process: many, and in states that are hard to come by.
@Suite struct TestDriverTests {
  /// The first inventory of a node that has these domains.
  private func inventory(_ domains: [String]) async throws -> [DomainObservation] {
    let file = FileManager.default.temporaryDirectory.appending(path: "node-\(UUID()).xml")
    defer { try? FileManager.default.removeItem(at: file) }
    try ("<node>" + domains.joined() + "</node>").write(to: file, atomically: true, encoding: .utf8)
    // The driver reads the whole file, in this process, when it is connected to: 5 s and more for a thousand domains on a busy host.
    var limits = LibvirtLimits()
    limits.call = .seconds(120)
    let hypervisor = try LibvirtHypervisor(
      connections: ["test://\(file.path)"], cluster: "c", node: "n", limits: limits,
      logger: Logger(label: "libvirt") { _ in SwiftLogNoOpLogHandler() })
    var first: [DomainObservation] = []
    for await event in hypervisor.events() {
      if case .inventory(_, let found) = event {
        first = found
        break
      }
      if case .unreachable(_, let reason) = event { throw TestHost.Trouble(description: reason) }
    }
    await hypervisor.close()
    return first
  }

  /// - Parameter state: in libvirt's numbers; nil: it runs.
  private func domain(_ name: String, state: Int? = nil, metadata: String = "") -> String {
    let runState = state.map { "<test:runstate>\($0)</test:runstate>" } ?? ""
    return """
      <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>\(name)</name><uuid>\(UUID().uuidString)</uuid>
      <metadata>\(metadata)</metadata><memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type>hvm</type></os><on_crash>preserve</on_crash>\(runState)</domain>
      """
  }

  @Test(.timeLimit(.minutes(3))) func `a thousand are told in one inventory`() async throws {
    let found = try await inventory((1...1000).map { domain("d\($0)") })
    #expect(found.count == 1000)
    #expect(found.allSatisfy { $0.state == .running && $0.reason == nil && $0.memory == 32 && $0.flaw == nil })
  }

  @Test(
    arguments: [
      (1, .running, nil), (3, .paused, nil), (4, .stopping, .shuttingDown), (6, .crashed, .crashed),
      (7, .paused, .powerManagement)
    ] as [(Int, DomainObservation.State, DomainObservation.Reason?)])
  func `a state is told with its reason`(number: Int, state: DomainObservation.State, reason: DomainObservation.Reason?)
    async throws
  {
    let found = try #require(try await inventory([domain("d", state: number)]).first)
    #expect((found.state, found.reason) == (state, reason))
  }

  @Test func `one that cannot be read is told among the others, with its mark`() async throws {
    let note = "<x:card xmlns:x='urn:example:x'><?note?></x:card>"
    let claim = "<h:claim xmlns:h='https://holdfast.dev/domain/1' cluster='c' workload='w&amp;' epoch='7'/>"
    let found = try await inventory([
      domain("a"), domain("theirs", metadata: note), domain("ours", metadata: note + claim), domain("z", metadata: claim)
    ])
    #expect(found.map(\.id.name) == ["a", "ours", "theirs", "z"])
    #expect(found.map { $0.flaw?.contains("processing instructions") } == [nil, true, true, nil])
    let mark = ClaimMark(cluster: "c", workload: "w&", epoch: Epoch(7))
    #expect(found.map(\.mark) == [nil, mark, nil, mark])
    #expect(found.allSatisfy { $0.state == .running && $0.memory == 32 && $0.vcpus == 1 })
  }

  @Test func `every reason has words of its own`() {
    let reasons = DomainObservation.Reason.allCases
    #expect(Set(reasons.map(\.words)).count == reasons.count)
    #expect(reasons.allSatisfy { !$0.words.isEmpty && !$0.words.hasSuffix(".") })
  }
}
