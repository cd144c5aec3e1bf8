import Foundation
import GuardCore
import HoldfastAPI
import HoldfastModel
import Testing

@Suite struct `Definitions compared` {
  private static func spec(_ devices: String, shared: [String] = []) -> SpecRecord {
    SpecRecord(
      connection: "qemu:///system", uuid: "11111111-2222-4333-8444-555555555551",
      xml: "<domain type='kvm'><devices>\(devices)</devices></domain>", demand: Resources(memory: 1, cpus: 1), labels: [:],
      priority: 0, isolation: .freeze, stopTimeout: 30, shared: shared)
  }
  private static func devices(_ name: String, _ count: Int) -> String {
    (0..<count).map { "<\(name) n='\($0)'/>" }.joined()
  }
  private static func count(_ mark: Character, _ lines: [String]) -> Int { lines.count { $0.first == mark } }

  @Test func `what is shared is among it`() {
    let lines = DefinitionDiff(from: Self.spec("<a/>"), to: Self.spec("<a/>", shared: ["/srv/www"])).lines
    #expect(Self.count("-", lines) == 0 && lines.filter { $0.first == "+" } == ["+shared: /srv/www"], "\(lines)")
  }

  @Test func `a change at the end of a long one is shown alone`() {
    let long = Self.devices("disk", 5000)
    let lines = DefinitionDiff(from: Self.spec(long + "<a/>"), to: Self.spec(long + "<b/>")).lines
    #expect(Self.count("-", lines) == 1 && Self.count("+", lines) == 1, "\(lines)")
  }

  /// The shortest difference of these would take gigabytes.
  @Test(.timeLimit(.minutes(1))) func `two long ones that share nothing take each other's place`() {
    let lines = DefinitionDiff(from: Self.spec(Self.devices("disk", 15_000)), to: Self.spec(Self.devices("hostdev", 15_000)))
      .lines
    #expect(Self.count("-", lines) == 15_000 && Self.count("+", lines) == 15_000)
  }
}

@Suite struct `Requests to older daemons` {
  @Test func `an adoption that asks for nothing new has no new fields`() throws {
    func fields(_ request: AdoptRequest) throws -> Set<String> {
      let object = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(request))
      return Set(try #require(object as? [String: Any]).keys)
    }
    let id = DomainID(connection: "lxc:///system", name: "web1"),
      old = ["domains", "labels", "priority", "isolation", "stopTimeout"]
    #expect(try fields(AdoptRequest(domains: [id])) == Set(old))
    let full = AdoptRequest(domains: [id], shared: ["/srv/www"], acceptLoss: true, removeLeftovers: true)
    #expect(try fields(full) == Set(old + ["shared", "acceptLoss", "removeLeftovers"]))
    #expect(try JSONDecoder().decode(AdoptRequest.self, from: JSONEncoder().encode(full)) == full)
  }
}
