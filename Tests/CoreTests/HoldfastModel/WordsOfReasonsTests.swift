import Foundation
import HoldfastModel
import Testing

/// Reasons are told by several switches, each of its kind: none may leave one to the others, and they to it.
@Suite struct `Words of reasons` {
  private static let rule = "r1", node: NodeName = "n1", other: WorkloadName = "w2"

  static let clauses: [PlacementReason.Clause] = [
    .adopted, .operatorAsked, .alreadyThere, .moveToUnknown(node), .moveRefused(node, .down), .movedWith(other),
    .notAllowed(rule: rule, on: node), .affinityGroupMoved(rule: rule), .backFrom(node), .backTogether, .homeAfterMaintenance,
    .inPlaceOf([.init(other, priority: 1)]), .madeWay(from: node, isMoved: true, for: other), .roomMade(by: [other]),
    .staysForItsTurn, .staysWithoutRoom, .backAsNowhereElse, .backAsNobodyStays, .endsAgain(times: 3, on: node),
    .unwell(times: 3, on: node), .leftAiling(node, reason: "/srv is read-only"), .ailingUsed, .staysAsTargetFails(node, .down),
    .spareUsed, .lostLatelyUsed, .silentUsed,
    .preferred(rule: nil),
    .preferredSuitLess(rule: rule), .preferredCannot(rule: rule), .onlyNode(percent: 40), .loaded(percent: 40),
    .leastLoaded(percent: 40), .bestBalanced(percent: 40), .fullest(percent: 40), .fewestWorkloads(2), .ruleBroken(rule),
    .stopped, .staysDown(.crashed, on: node), .givenUp(failedOn: [node]), .givenUpUnwell(on: [node]),
    .waitsForRoom(on: node, leaving: nil), .olderDisks,
    .noNodes, .noNodeCanTake, .noOtherNodeCanTake, .onlyInMaintenance([node]), .displaced(by: other, priority: 2, over: 1),
    .notAdmitted(loss: "the loss of a node", missing: "1 GiB of memory"), .recorded(codes: ["recorded"], text: "as it was")
  ]

  private static let shortage = Exclusion.Shortage(resource: "memory", needs: 2, free: 1)

  private static let plain: [Exclusion] = [
    .down, .downInMaintenance, .leaving, .inMaintenance, .lost, .beingEmptied, .unavailable, .failedToStart(reason: "full"),
    .endsAgain(times: 3), .unwell(reason: "no answer"), .connectionSilent("lxc:///system", reason: "no socket"),
    .connectionMissing("lxc:///system"), .runsUnprotected(on: node), .leftover(LeftoverDefinition(of: other)),
    .incompatible(Incompatibility(.domainType, "kvm")), .outOfTheQuestion, .onlyOn(rule: rule), .neverOn(rule: rule),
    .notInOrder(rule: rule), .dedicated(rule: rule), .apart(rule: rule, from: nil), .apartInPlace(rule: rule, place: "r1"),
    .together(rule: rule, on: node), .togetherInPlace(rule: rule, place: "r1"), .contradiction(rule: rule),
    .shortage(shortage), .poolShortage(shortage), .lingering(resource: "memory"), .roomLater, .spare, .lostLately, .silent,
    .ailing(reason: "/srv is read-only"),
    .breaksRule(nil), .lessPreferred(rule: nil), .moreLoadedOtherwise(percent: 40), .betterButCompany, .betterButAsked,
    .betterButHome, .betterButStays, .movedAway(with: nil), .recorded(code: "recorded", text: "as it was")
  ]
  private static let comparisons: [Exclusion.Comparison] = [.load(percent: 40), .balance, .fullness(percent: 40), .workloads(2)]

  static let exclusions: [Exclusion] =
    plain + comparisons.map { .suitsLess($0, isTied: false) } + comparisons.map { .suitsLess($0, isTied: true) }

  @Test func `every reason of a placement has a text and a code`() throws {
    let reasons = Self.clauses.map { PlacementReason($0) }
    for reason in reasons { #expect(!reason.description.isEmpty && !reason.codes.contains(""), "\(reason.codes) \(reason)") }
    let named = try Self.cases(of: "public enum Clause", in: "PlacementReason")
    #expect(Set(reasons.flatMap(\.codes)) == named, "the table above has all of them")
  }

  @Test func `every reason against a node has a text and a code`() throws {
    for exclusion in Self.exclusions {
      #expect(!exclusion.description.isEmpty && exclusion.code?.isEmpty == false, "\(exclusion.code ?? "nil") \(exclusion)")
    }
    // What is compared, and the same for places, have codes of their own.
    let named = try Self.cases(of: "public enum Exclusion", in: "Exclusion").subtracting([
      "suitsLess", "apartInPlace", "togetherInPlace"
    ])
    let comparisons: Set = ["moreLoaded", "lessBalanced", "lessFull", "moreWorkloads", "laterByName"]
    #expect(Set(Self.exclusions.compactMap(\.code)) == named.union(comparisons), "the table above has all of them")
  }

  /// The names of an enum's cases, as its file has them.
  private static func cases(of head: String, in file: String) throws -> Set<String> {
    let source = try #require(SourceFile.one("Sources/HoldfastModel/\(file).swift").first?.text)
    let body = try #require(source.components(separatedBy: "\(head): Sendable {\n").dropFirst().first)
    let indentation = head.contains("Clause") ? "    " : "  "
    return Set(
      body.components(separatedBy: "\n").prefix { !$0.contains("enum ") && !$0.contains("extension ") }
        .filter { $0.hasPrefix("\(indentation)case ") }
        .compactMap { $0.firstMatch(of: #/case (\w+)/#).map { String($0.1) } })
  }

  /// The simulator is no part of this: its happenings are looked at as they are written.
  @Test func `every happening of a simulation is told by one of its switches`() throws {
    let text = try #require(SourceFile.one("Sources/Simulator/Outside/Happening+Words.swift").first?.text)
    let parts = text.components(separatedBy: "// Said by the others.")
    #expect(parts.count == 2)
    let list = try #require(parts.last?.components(separatedBy: ":\n").first)
    let names = list.matches(of: #/\.(\w+)/#).map { String($0.1) }
    let told = Set(parts[0].matches(of: #/case \.(\w+)/#).map { String($0.1) })
    #expect(names.count > 20 && Set(names).subtracting(told).isEmpty)
  }

  @Test(arguments: [
    (Note.Kind.placed, Note.Severity.info, " goes to n2: least loaded: 43 % with it", " goes to n2"),
    (.claimed, .info, " at epoch 12", ""), (.started, .info, " runs on n2", " runs on n2"),
    (.started, .info, ": every process is there: at last", ": every process is there"),
    (.startFailed, .error, " did not start on n2: no disk", " did not start on n2: no disk")
  ])
  func `what is no trouble is alike whatever its reasons`(
    _ kind: Note.Kind, _ severity: Note.Severity, _ rest: String, _ brief: String
  ) {
    #expect(kind.brief(rest[...], severity) == brief[...])
  }
}
