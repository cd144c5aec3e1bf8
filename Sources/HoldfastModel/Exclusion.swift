/// Why a workload does not go to a node. Decided as a value, so that it can be counted, compared and shown anywhere; in words it is its description.
public enum Exclusion: Sendable {
  // The node takes nothing.
  case down
  case downInMaintenance
  case leaving
  case inMaintenance
  /// Supposed to be, in a question.
  case lost
  case beingEmptied
  case unavailable

  // The workload cannot run there now.
  case failedToStart(reason: String)
  case endsAgain(times: Int)
  /// A check of it failed there, also after its restarts.
  case unwell(reason: String)
  case connectionSilent(_ connection: String, reason: String)
  case connectionMissing(_ connection: String)
  /// A domain with its UUID runs outside protection.
  case runsUnprotected(on: NodeName)
  /// A domain of its name or UUID is defined there that is not Holdfast's.
  case leftover(LeftoverDefinition)
  /// libvirt there cannot run it as it is defined.
  case incompatible(Incompatibility)
  case outOfTheQuestion

  // A rule is against it.
  case onlyOn(rule: String)
  case neverOn(rule: String)
  case notInOrder(rule: String)
  case dedicated(rule: String)
  /// nil: nobody in particular.
  case apart(rule: String, from: WorkloadName?)
  case apartInPlace(rule: String, place: String)
  case together(rule: String, on: NodeName)
  case togetherInPlace(rule: String, place: String)
  case contradiction(rule: String)

  // There is no room.
  case shortage(Shortage)
  case poolShortage(Shortage)
  case lingering(resource: String)

  // It could, and another one suits better.
  case roomLater
  case spare
  case lostLately
  /// The node was not heard of for most of its TTL.
  case silent
  /// A node check fails there.
  case ailing(reason: String)
  /// nil: more than one.
  case breaksRule(String?)
  case lessPreferred(rule: String?)
  /// Per cent, with the workload.
  case moreLoadedOtherwise(percent: Int)
  case suitsLess(Comparison, isTied: Bool)

  // It would suit better, and is not taken.
  case betterButCompany
  case betterButAsked
  case betterButHome
  case betterButStays
  /// nil: the workload itself; else the one that it goes with.
  case movedAway(with: WorkloadName?)

  /// As a record or a file says it: a code that this build may not know, or none.
  case recorded(code: String?, text: String)

  /// By what nodes that could all take it are compared, with the workload there.
  public enum Comparison: Hashable, Sendable {
    case load(percent: Int)
    case balance
    case fullness(percent: Int)
    case workloads(Int)
  }

  /// Too little of something.
  public struct Shortage: Hashable, Sendable {
    /// `memory`, `cpus`, or what the policies count besides.
    public var resource: String
    /// MiB, processors, or pieces.
    public var needs: Double
    public var free: Double

    public init(resource: String, needs: Double, free: Double) {
      self.resource = resource
      self.needs = needs
      self.free = free
    }
  }
}

extension Exclusion {
  /// The cases that are nothing but their name.
  private static let plain: [Exclusion] = [
    .down, .downInMaintenance, .leaving, .inMaintenance, .lost, .beingEmptied, .unavailable, .outOfTheQuestion, .roomLater,
    .spare,
    .lostLately, .silent, .betterButCompany, .betterButAsked, .betterButHome, .betterButStays, .movedAway(with: nil)
  ]
  private static let plainByText = Dictionary(uniqueKeysWithValues: plain.map { ($0.description, $0) })

  /// As it was written down.
  ///
  /// - Parameter code: nil: an older build wrote the text alone.
  public init(code: String? = nil, text: String) {
    self = Self.plainByText[text] ?? .recorded(code: code, text: text)
  }

  /// Stable, for programs; nil where only a text is known.
  public var code: String? {
    switch self {
    case .down: "down"
    case .downInMaintenance: "downInMaintenance"
    case .leaving: "leaving"
    case .inMaintenance: "inMaintenance"
    case .lost: "lost"
    case .beingEmptied: "beingEmptied"
    case .unavailable: "unavailable"
    case .failedToStart: "failedToStart"
    case .endsAgain: "endsAgain"
    case .unwell: "unwell"
    case .connectionSilent: "connectionSilent"
    case .connectionMissing: "connectionMissing"
    case .runsUnprotected: "runsUnprotected"
    case .leftover: "leftover"
    case .incompatible: "incompatible"
    case .outOfTheQuestion: "outOfTheQuestion"
    case .onlyOn: "onlyOn"
    case .neverOn: "neverOn"
    case .notInOrder: "notInOrder"
    case .dedicated: "dedicated"
    case .apart, .apartInPlace: "apart"
    case .together, .togetherInPlace: "together"
    case .contradiction: "contradiction"
    case .shortage: "shortage"
    case .poolShortage: "poolShortage"
    case .lingering: "lingering"
    case .roomLater: "roomLater"
    case .spare: "spare"
    case .lostLately: "lostLately"
    case .silent: "silent"
    case .ailing: "ailing"
    case .breaksRule: "breaksRule"
    case .lessPreferred: "lessPreferred"
    case .moreLoadedOtherwise: "moreLoadedOtherwise"
    case .suitsLess(let comparison, let isTied): isTied ? "laterByName" : comparison.code
    case .betterButCompany: "betterButCompany"
    case .betterButAsked: "betterButAsked"
    case .betterButHome: "betterButHome"
    case .betterButStays: "betterButStays"
    case .movedAway: "movedAway"
    case .recorded(let code, _): code
    }
  }
}

extension Exclusion {
  /// The same without what changes while nothing else does: how much is missing, how often it happened, what a program said about it.
  public var withoutFigures: Exclusion {
    switch self {
    case .failedToStart: .failedToStart(reason: "")
    case .endsAgain: .endsAgain(times: 0)
    case .unwell: .unwell(reason: "")
    case .ailing: .ailing(reason: "")
    case .connectionSilent(let connection, _): .connectionSilent(connection, reason: "")
    case .shortage(let shortage): .shortage(shortage.withoutFigures)
    case .poolShortage(let shortage): .poolShortage(shortage.withoutFigures)
    case .moreLoadedOtherwise: .moreLoadedOtherwise(percent: 0)
    case .suitsLess(let comparison, let isTied): .suitsLess(comparison.withoutFigures, isTied: isTied)
    case .recorded(let code?, _): .recorded(code: code, text: code)
    default: self
    }
  }
}

extension Exclusion.Shortage {
  fileprivate var withoutFigures: Self { Self(resource: resource, needs: 0, free: 0) }
}

extension Exclusion.Comparison {
  fileprivate var withoutFigures: Self {
    switch self {
    case .load: .load(percent: 0)
    case .balance: .balance
    case .fullness: .fullness(percent: 0)
    case .workloads: .workloads(0)
    }
  }

  fileprivate var code: String {
    switch self {
    case .load: "moreLoaded"
    case .balance: "lessBalanced"
    case .fullness: "lessFull"
    case .workloads: "moreWorkloads"
    }
  }

  fileprivate func text(isTied: Bool) -> String {
    switch self {
    case .load(let percent): "\(isTied ? "as loaded, but later by name" : "more loaded"): \(percent) % with it"
    case .balance: isTied ? "as balanced, but later by name" : "less balanced with it"
    case .fullness(let percent): "\(isTied ? "as full, but later by name" : "less full"): \(percent) % with it"
    case .workloads(let count): "\(isTied ? "as many workloads, but later by name" : "more workloads"): \(count) with it"
    }
  }
}

extension Exclusion: CustomStringConvertible {
  /// A clause after the node's name.
  public var description: String {
    wordsOfNode ?? wordsOfRules ?? wordsOfChoice
  }

  /// The node itself, and what happened on it.
  private var wordsOfNode: String? {
    switch self {
    case .down: "is down"
    case .downInMaintenance: "is down, in maintenance"
    case .leaving: "is leaving"
    case .inMaintenance: "is in maintenance"
    case .lost: "is lost"
    case .beingEmptied: "is being drained"
    case .unavailable: "is not available"
    case .failedToStart(let reason): "failed to start there: \(reason)"
    case .endsAgain(let times): times == 1 ? "ended right after its start there" : "ended \(times) times in a row there"
    case .unwell(let reason): "did not run well there: \(reason)"
    case .connectionSilent(let connection, let reason): "\(connection) does not answer there: \(reason)"
    case .connectionMissing(let connection): "does not serve \(connection)"
    case .runsUnprotected(let node): "a domain with its UUID runs on \(node) outside protection: adopt it there, or stop it"
    case .leftover(let leftover): "\(leftover.clause), so it cannot start: `holdfast leftovers` tells what to do"
    case .incompatible(let why): "\(why.clause): \(why.remedy)"
    case .outOfTheQuestion: "is out of the question"
    default: nil
    }
  }

  /// The rules, and the room.
  private var wordsOfRules: String? {
    switch self {
    case .onlyOn(let rule): "'\(rule)' allows other nodes only"
    case .neverOn(let rule): "'\(rule)' forbids it"
    case .notInOrder(let rule): "not on the list of '\(rule)'"
    case .dedicated(let rule): "'\(rule)' keeps it for others"
    case .apart(let rule, let other): "'\(rule)' keeps it apart from \(other?.text ?? "what is there")"
    case .apartInPlace(let rule, let place): "'\(rule)' keeps it apart from what is in \(place)"
    case .together(let rule, let node): "'\(rule)' keeps it together with what is on \(node)"
    case .togetherInPlace(let rule, let place): "'\(rule)' keeps it together with what is in \(place)"
    case .contradiction(let rule): "'\(rule)' keeps apart what another rule keeps together"
    case .shortage(let shortage): shortage.description
    case .poolShortage(let shortage): "the whole cluster \(shortage)"
    case .lingering(let resource): "has not enough \(resource) until others have left it"
    case .roomLater: "has the room only when others have left it"
    default: nil
    }
  }

  /// Others that suit better; and what a record had.
  private var wordsOfChoice: String {
    switch self {
    case .spare: "a spare node"
    case .lostLately: "was lost lately"
    case .silent: "was not heard of for most of its TTL"
    case .ailing(let reason): "is ailing: \(reason)"
    case .breaksRule(let rule): "would break \(rule.map { "'\($0)'" } ?? "more rules") (if possible)"
    case .lessPreferred(let rule): "less preferred by \(rule.map { "'\($0)'" } ?? "its rules")"
    case .moreLoadedOtherwise(let percent): "as loaded, but more so by its other resources: \(percent) % with it"
    case .suitsLess(let comparison, let isTied): comparison.text(isTied: isTied)
    case .betterButCompany: "would suit it better, but not all that it goes with"
    case .betterButAsked: "would suit it better, but the operator asked"
    case .betterButHome: "would suit it better, but its home is another"
    case .betterButStays: "would suit it better now, but nothing moves for that"
    case .movedAway(let other): "\(other?.text ?? "it") was moved away by the operator"
    case .recorded(_, let text): text
    // Said by the others.
    case .down, .downInMaintenance, .leaving, .inMaintenance, .lost, .beingEmptied, .unavailable, .failedToStart, .endsAgain,
      .unwell, .connectionSilent, .connectionMissing, .runsUnprotected, .leftover, .incompatible, .outOfTheQuestion, .onlyOn,
      .neverOn, .notInOrder, .dedicated, .apart, .apartInPlace, .together, .togetherInPlace, .contradiction, .shortage,
      .poolShortage, .lingering, .roomLater:
      ""
    }
  }
}

/// Two are the same when they say the same: what was read from a record has no more than its text and its code.
extension Exclusion: Hashable {
  public static func == (a: Exclusion, b: Exclusion) -> Bool { a.description == b.description }
  public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}

/// As its text, where it stands alone.
extension Exclusion: Codable {
  public init(from decoder: any Decoder) throws { self.init(text: try decoder.singleValueContainer().decode(String.self)) }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension [NodeName: Exclusion] {
  /// By node, in words.
  public var texts: [String: String] { Dictionary<String, String>(uniqueKeysWithValues: map { ($0.key.text, "\($0.value)") }) }

  /// By node, for programs; those that have a code.
  public var codes: [String: String] {
    Dictionary<String, String>(uniqueKeysWithValues: compactMap { node, exclusion in exclusion.code.map { (node.text, $0) } })
  }
}

extension Exclusion.Shortage: CustomStringConvertible {
  public static let memory = "memory"
  public static let cpus = "cpus"

  /// A clause after the node's name: `has 100 MiB of memory free, and it needs 512 MiB`.
  public var description: String {
    switch resource {
    case Self.memory: Self.ofMemory(free: Int(free), needs: Int(needs))
    case Self.cpus: "has \(Self.processors(free)) free, and it needs \(InWords.decimal(needs))"
    default: "has \(InWords.decimal(free)) of '\(resource)' free, and it needs \(InWords.decimal(needs))"
    }
  }

  /// In GiB as long as those tell the two apart.
  private static func ofMemory(free: Int, needs: Int) -> String {
    let words = (free: InWords.memory(free), needs: InWords.memory(needs))
    return words.free == words.needs
      ? "has \(free) MiB of memory free, and it needs \(needs) MiB"
      : "has \(words.free) of memory free, and it needs \(words.needs)"
  }

  private static func processors(_ value: Double) -> String {
    let text = InWords.decimal(value)
    return text == "1" ? "1 processor" : "\(text) processors"
  }
}
