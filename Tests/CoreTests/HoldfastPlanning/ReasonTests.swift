import Foundation
import HoldfastModel
import HoldfastPlanning
import Testing

/// Reasons are values inside, and the same words as ever outside.
@Suite struct ReasonTests {
  private static let noURI = MoveMethod.Obstacle.noURI("n2", connection: "qemu:///system")

  @Test(arguments: [
    (MoveMethod(.live), #"{"how":"live"}"#), (MoveMethod(.restart), #"{"how":"restart"}"#),
    (MoveMethod(.restart, .policy), #"{"how":"restart","why":"its policy says so"}"#),
    (MoveMethod(.restart, .container), #"{"how":"restart","why":"a container"}"#),
    (MoveMethod(.restart, .parts), #"{"how":"restart","why":"made of parts of the host"}"#),
    (
      MoveMethod(.restart, .immovable(.hostDevice("pci 0000:03:00.0"))),
      #"{"how":"restart","why":"it has a host device (pci 0000:03:00.0)"}"#
    ),
    (MoveMethod(.restart, .snapshots(1)), #"{"how":"restart","why":"libvirt has a snapshot of it"}"#),
    (MoveMethod(.stay, .snapshots(3)), #"{"how":"stay","why":"libvirt has 3 snapshots of it, and 'otherwise: stay'"}"#),
    (
      MoveMethod(.restart, .ownDisk("/srv/x.img", "n1")),
      #"{"how":"restart","why":"its disk /srv/x.img is on a file system of n1's own"}"#
    ),
    (MoveMethod(.restart, .notRunning), #"{"how":"restart","why":"it does not run"}"#),
    (MoveMethod(.stay, .container), #"{"how":"stay","why":"a container, and 'otherwise: stay'"}"#),
    (
      MoveMethod(.stay, noURI),
      #"{"how":"stay","why":"n2 has no 'migration' URI for qemu:///system, and 'otherwise: stay'"}"#
    ),
    (
      MoveMethod(.stay, .incompatible("n2", Incompatibility(.domainType, "kvm"))),
      #"{"how":"stay","why":"n2 cannot run it: its libvirt runs no domains of type kvm"}"#
    )
  ])
  func `a move's method is written as ever, and read again is the same`(method: MoveMethod, json: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let written = try encoder.encode(method)
    #expect(String(decoding: written, as: UTF8.self) == json)
    let read = try JSONDecoder().decode(MoveMethod.self, from: written)
    #expect(read == method && read.why == method.why)
    #expect(try encoder.encode(read) == written)
  }

  @Test(arguments: [
    (PlanWarning.What.backOnDrained("n1"), "is back on n1, which is being drained: it runs on no other node"),
    (.staysOnDrained("n1"), "stays on n1, which is being drained: no other node can take it"),
    (.stays("n1", against: "apart"), "stays on n1, though 'apart' does not allow it: no other node can take it"),
    (.goesDown(with: "n1"), "stays on n1, and goes down with it: 'evacuation: stay'"),
    (.staysAway(from: "n1", .excluded(.lostLately)), "does not fail back to n1 after its maintenance: was lost lately"),
    (
      .staysAway(from: "n1", .affinityGroup),
      "does not fail back to n1 after its maintenance: not all that it goes with find room there"
    ),
    (.staysAway(from: "n1", .wantedElsewhere("n2")), "does not fail back to n1 after its maintenance: its rules want it on n2"),
    (.waits(40, for: "n1"), "waits 40 s more for n1 to come back"),
    (
      .wouldNotSurvive(loss: "the loss of a node", resource: "memory", missing: "512 MiB of memory"),
      "the cluster would not survive the loss of a node: 512 MiB of memory would be missing"
    )
  ])
  func `a plan's warning is a value with words`(what: PlanWarning.What, words: String) {
    #expect(PlanWarning(what).description == words)
    let warning = PlanWarning(workload: "w1", what)
    #expect(warning.text == words && warning.description == "w1: \(words)")
    #expect(warning.brokenRule == (what == .stays("n1", against: "apart") ? "apart" : nil))
  }

  static let topics: [(one: PlanWarning, other: PlanWarning, isSame: Bool)] = {
    func warning(_ workload: WorkloadName, _ what: PlanWarning.What) -> PlanWarning { PlanWarning(workload: workload, what) }
    func away(_ exclusion: Exclusion) -> PlanWarning { warning("w1", .staysAway(from: "n1", .excluded(exclusion))) }
    func short(_ resource: String, _ needs: Double) -> PlanWarning {
      away(.shortage(.init(resource: resource, needs: needs, free: 1)))
    }
    func loss(_ loss: String, _ resource: String, _ missing: String) -> PlanWarning {
      PlanWarning(.wouldNotSurvive(loss: loss, resource: resource, missing: missing))
    }
    return [
      // Names that differ in a digit are others' names.
      (warning("shop1", .waits(40, for: "n1")), warning("shop2", .waits(40, for: "n1")), false),
      (warning("shop1", .waits(40, for: "n1")), warning("shop1", .waits(40, for: "n2")), false),
      (warning("w1", .stays("n1", against: "rule 1")), warning("w1", .stays("n1", against: "rule 2")), false),
      (warning("w1", .staysOnDrained("n1")), warning("w1", .staysOnDrained("n2")), false),
      (
        loss("the loss of a node", "memory", "5 MiB of memory"), loss("the loss of 2 nodes", "memory", "5 MiB of memory"), false
      ),
      (loss("the loss of a node", "memory", "5 MiB of memory"), loss("the loss of a node", "cpus", "5 processors"), false),
      (short("memory", 512), short("cpus", 512), false), (away(.endsAgain(times: 3)), away(.failedToStart(reason: "3")), false),
      (away(.neverOn(rule: "a")), away(.neverOn(rule: "b")), false),
      // Figures change all the time.
      (warning("w1", .waits(40, for: "n1")), warning("w1", .waits(39, for: "n1")), true),
      (loss("the loss of a node", "cpus", "1 processor"), loss("the loss of a node", "cpus", "2.5 processors"), true),
      (short("memory", 512), short("memory", 100), true), (away(.endsAgain(times: 3)), away(.endsAgain(times: 4)), true),
      (away(.failedToStart(reason: "port 5901")), away(.failedToStart(reason: "port 5902")), true),
      (away(.unwell(reason: "3 times in a row")), away(.unwell(reason: "4 times in a row")), true),
      (
        away(.suitsLess(.load(percent: 40), isTied: false)), away(.suitsLess(.load(percent: 41), isTied: false)), true
      ),
      (away(.moreLoadedOtherwise(percent: 4)), away(.moreLoadedOtherwise(percent: 5)), true)
    ]
  }()

  @Test(arguments: topics.indices) func `warnings are about the same when their figures alone differ`(_ index: Int) {
    let (one, other, isSame) = Self.topics[index]
    #expect(one != other && (one.topic == other.topic) == isSame, "\(one) and \(other)")
  }
}
