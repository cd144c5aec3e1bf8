import Foundation
import Testing

/// Docs/machines.md draws what the code lists. A loop may be left out of a diagram, but for that the two are equal.
@Suite struct `A state diagram` {
  struct Drawing: CustomTestStringConvertible {
    var section: String
    var index = 0
    /// The composite state whose inside it is; "": it is the outside.
    var around = ""
    var states: String, file: String
    /// Names that stand for another: several states in the diagram for one in the code, or the other way round.
    var same: [String: String] = [:]
    /// The words before the list; nil: those of an enum of that name.
    var head: String?
    var testDescription: String { "\(section) \(states)" }
  }

  private static let drawings = [
    Drawing(section: "OwnSession", states: "Phase", file: "OwnSession"),
    Drawing(
      section: "OwnSession", around: "Standing", states: "Traffic", file: "OwnSession",
      same: ["none": "acting", "renewal": "acting", "end": "endAsked"]),
    Drawing(section: "OwnSession", index: 1, states: "Step", file: "Attempt"),
    Drawing(section: "PeerExpiry", states: "PeerStanding", file: "ExpiryWatch"),
    Drawing(section: "GuardLink", around: "Isolated", states: "Thaw", file: "Thaw"),
    Drawing(section: "GuardLink", index: 1, states: "Shortening", file: "Shortening"),
    Drawing(section: "DirectFreeze", states: "DirectFreeze", file: "DirectFreeze"),
    Drawing(section: "PlannerRole", states: "Role", file: "PlannerRole"),
    Drawing(
      section: "Departure", states: "State", file: "Departure", same: ["normal": "handingOver", "fast": "handingOver"]),
    Drawing(section: "NodeReport", states: "Writing", file: "NodeReport"),
    Drawing(section: "ClaimLine", states: "Line", file: "ClaimLine"),
    Drawing(
      section: "ClaimLine", index: 1, states: "Proof", file: "ClaimProof", same: ["unproven": "none", "proven": "written"]),
    Drawing(section: "Run", states: "RunPhase", file: "RunStates"),
    Drawing(section: "Run", index: 1, states: "RunTold", file: "RunStates"),
    Drawing(section: "StartFence", states: "Bar", file: "StartFence"),
    Drawing(section: "Protection", states: "Standing", file: "ProtectionStanding"),
    Drawing(section: "AddressLine", states: "Standing", file: "AddressLine"),
    Drawing(section: "Migration", states: "Attempt", file: "Migration"),
    Drawing(section: "HealthWatch", states: "Phase", file: "HealthWatch"),
    Drawing(section: "UnwellTogether", states: "Phase", file: "UnwellTogether"),
    Drawing(section: "HealthNotes", states: "Phase", file: "HealthNotes"),
    Drawing(section: "Execution", states: "Pause", file: "Wellness"),
    Drawing(section: "CheckCourse", states: "Judged", file: "CheckCourse"),
    Drawing(section: "CheckCourse", index: 1, states: "Asking", file: "CheckCourse"),
    Drawing(section: "PartSequence", states: "Phase", file: "PartStates"),
    Drawing(section: "UnitWatch", states: "State", file: "UnitWatch"),
    Drawing(section: "Outbox", states: "Delivery", file: "Outbox"),
    Drawing(
      section: "GuardMachine", states: "Phase", file: "GuardMachine+Checks", head: "extension GuardMachine.Phase {")
  ]

  @Test(arguments: drawings)
  func `shows the transitions that the code lists`(drawing: Drawing) throws {
    let file = try #require(SourceFile.sources.first { $0.name == "\(drawing.file).swift" })
    let document = try #require(SourceFile.one("Docs/machines.md").first)
    func named(_ edges: Set<StateDiagrams.Edge>) -> Set<StateDiagrams.Edge> {
      Set(edges.map { .init(from: drawing.same[$0.from] ?? $0.from, to: drawing.same[$0.to] ?? $0.to) })
    }
    let head = drawing.head ?? "enum \(drawing.states): StateList"
    let listed = named(try #require(StateDiagrams.listed(after: head, in: file.text)))
    let drawn = named(StateDiagrams.drawn(drawing.section, drawing.index, in: document.text)[drawing.around] ?? [])
    #expect(drawn.subtracting(listed).isEmpty)
    #expect(listed.subtracting(drawn).filter { !$0.isLoop }.isEmpty)
  }

  /// A guard's standing in this node's eyes follows from what the guard says: the diagram shows the guard's phases, and no list is to be equal to it.
  @Test func `is there for every list`() {
    let lists = SourceFile.sources.flatMap { file in
      file.text.matches(of: #/enum (\w+): StateList/#).map { "\($0.1) in \(file.name)" }
    }
    let drawn = Self.drawings.map { "\($0.states) in \($0.file).swift" } + ["GuardStanding in GuardStanding.swift"]
    #expect(lists.count > 15 && Set(lists).subtracting(drawn).isEmpty)
  }

  /// Mermaid ends a label at either, and shows an error in place of the diagram.
  @Test func `has labels without a colon or a semicolon`() throws {
    let document = try #require(SourceFile.one("Docs/machines.md").first)
    for line in document.lines where line.contains(" --> ") {
      #expect(!line.contains(";") && line.split(separator: ": ").count < 3, "\(line)")
    }
  }
}
