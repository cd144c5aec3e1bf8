import DomainXML
import HoldfastModel
import HoldfastPorts

/// What is known of what a libvirt could run, since it was connected to.
package struct AbilityBook {
  private struct Reading {
    var xml: String
    /// nil: it asks for nothing that libvirt could be asked about.
    var requirement: DomainRequirement?
  }
  private var readings: [WorkloadName: Reading] = [:]
  private var answers: [DomainRequirement: Ability] = [:]
  /// In which round libvirt was last asked.
  private var asked: [DomainRequirement: Int] = [:]
  private var round = 0
  /// What runs, or ran, here: whatever libvirt says of it.
  private var proven: Set<DomainRequirement> = []

  package init() {}

  /// Those whose definition was not read yet, or is another one now.
  package func unread(among definitions: [StoredDefinition]) -> [StoredDefinition] {
    definitions.filter { readings[$0.workload]?.xml != $0.xml }
  }

  package mutating func take(_ requirements: [DomainRequirement?], of definitions: [StoredDefinition]) {
    for (definition, requirement) in zip(definitions, requirements) {
      readings[definition.workload] = Reading(xml: definition.xml, requirement: requirement)
    }
  }

  /// What libvirt is to be asked about now: what it was never asked about first, then what it refused, or could not tell, longest ago. An emulator that
  /// was upgraded, a module that was loaded: that is noticed so, however many there are. What it can run stays so.
  package mutating func questions(about definitions: [StoredDefinition], most: Int) -> [DomainRequirement] {
    var wanted: Set<DomainRequirement> = []
    for definition in definitions {
      guard let requirement = readings[definition.workload]?.requirement else { continue }
      wanted.insert(requirement)
      if definition.isRunningHere { proven.insert(requirement) }
    }
    // A question about a few forgets nothing.
    if definitions.count > readings.count / 2 { forget(allBut: Set(definitions.map(\.workload)), wanted) }
    let open = wanted.subtracting(proven).filter { answers[$0] != .able }
    let next = open.map { (asked[$0] ?? 0, $0.order, $0) }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.prefix(most).map(\.2)
    round += 1
    for requirement in next { asked[requirement] = round }
    return next
  }

  private mutating func forget(allBut names: Set<WorkloadName>, _ wanted: Set<DomainRequirement>) {
    if readings.count > names.count { readings = readings.filter { names.contains($0.key) } }
    answers = answers.filter { wanted.contains($0.key) }
    asked = asked.filter { wanted.contains($0.key) }
    proven.formIntersection(wanted)
  }

  package mutating func take(_ ability: Ability, of requirement: DomainRequirement) { answers[requirement] = ability }

  /// What cannot run here, as far as libvirt was asked.
  package func incompatibilities(of definitions: [StoredDefinition]) -> [WorkloadName: Incompatibility] {
    var found: [WorkloadName: Incompatibility] = [:]
    for definition in definitions {
      guard let requirement = readings[definition.workload]?.requirement, !proven.contains(requirement),
        case .unable(let why) = answers[requirement]
      else { continue }
      found[definition.workload] = why
    }
    return found
  }
}

extension DomainRequirement {
  fileprivate var order: String {
    [type, architecture, machine, emulator, cpu?.xml].map { $0 ?? "" }.joined(separator: "\u{1}")
  }
}
