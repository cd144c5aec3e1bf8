import DomainXML
import GuardCore
import HoldfastModel
import HoldfastOperator
import HostParts

/// What a definition says otherwise than the one in the store, as a unified diff: the keys that files have, then the XML in one way of writing it.
/// Passwords are not in it.
public struct DefinitionDiff: Hashable, Sendable {
  /// Empty: they say the same, however they are laid out.
  public let lines: [String]

  public init(from before: SpecRecord, to after: SpecRecord) {
    var secrets = DomainDocument.SecretNames()
    let old = Self.text(before, &secrets), new = Self.text(after, &secrets)
    lines = Self.unified(old, new)
  }

  private static func text(_ spec: SpecRecord, _ secrets: inout DomainDocument.SecretNames) -> [String] {
    var lines = [
      "connection: \(spec.connection)", "uuid: \(spec.uuid)", "memory: \(spec.demand.memory) MiB",
      "cpus: \(InWords.decimal(spec.demand.cpus))", "priority: \(spec.priority)", "isolation: \(spec.isolation.rawValue)",
      "stop-timeout: \(InWords.number(spec.stopTimeout))s"
    ]
    lines += spec.labels.sorted { $0.key < $1.key }.map { "label \($0.key): \($0.value)" }
    lines += (spec.shared ?? []).map { "shared: \($0)" }
    lines += (spec.addresses ?? []).map { "address: \($0)" }
    lines += (spec.checks ?? []).map { "check \($0.name): \(CheckFields($0).text)" }
    if spec.isOfHost {
      return lines + ((try? HostDefinition(spec.xml))?.parts.flatMap(\.lines) ?? ["parts: they cannot be read"])
    }
    // What is in the store was read when it came there.
    guard let document = try? DomainDocument(spec.xml) else { return lines + ["xml: it cannot be read"] }
    return lines + document.lines(hiding: &secrets)
  }

  // MARK: lines

  /// Lines around a change that are shown with it.
  private static let context = 3

  private struct Line {
    var mark: Character
    var text: String
    /// The numbers of the lines of both before it.
    var old: Int
    var new: Int
  }

  static func unified(_ old: [String], _ new: [String]) -> [String] {
    let all = merged(old, new)
    let changes = all.indices.filter { all[$0].mark != " " }
    guard let first = changes.first else { return [] }
    var hunks: [ClosedRange<Int>] = [], start = first, end = first
    for index in changes.dropFirst() {
      if index - end > 2 * context {
        hunks.append(start...end)
        start = index
      }
      end = index
    }
    hunks.append(start...end)
    return hunks.flatMap { hunk -> [String] in
      let shown = all[max(0, hunk.lowerBound - context)...min(all.count - 1, hunk.upperBound + context)]
      guard let head = shown.first else { return [] }
      let (olds, news) = (shown.count { $0.mark != "+" }, shown.count { $0.mark != "-" })
      return ["@@ -\(head.old + 1),\(olds) +\(head.new + 1),\(news) @@"] + shown.map { "\($0.mark)\($0.text)" }
    }
  }

  /// Between the lines that both begin and end with, so many are compared. The shortest difference costs the square of what differs, in time and memory,
  /// and the daemon has other things to do: of more than that, all of the old goes and all of the new comes.
  private static let mostCompared = 2000

  /// Which lines of the old go, and which of the new come.
  private static func changes(_ old: [String], _ new: [String]) -> (removed: Set<Int>, inserted: Set<Int>) {
    let head = zip(old, new).prefix { $0 == $1 }.count
    let tail = zip(old.dropFirst(head).reversed(), new.dropFirst(head).reversed()).prefix { $0 == $1 }.count
    let (before, after) = (old.dropFirst(head).dropLast(tail), new.dropFirst(head).dropLast(tail))
    guard before.count + after.count <= mostCompared else { return (Set(before.indices), Set(after.indices)) }
    var removed: Set<Int> = [], inserted: Set<Int> = []
    for change in Array(after).difference(from: Array(before)) {
      switch change {
      case .remove(let offset, _, _): removed.insert(head + offset)
      case .insert(let offset, _, _): inserted.insert(head + offset)
      }
    }
    return (removed, inserted)
  }

  /// Both in one, in their order: what was removed before what came in its place.
  private static func merged(_ old: [String], _ new: [String]) -> [Line] {
    let (removed, inserted) = changes(old, new)
    var lines: [Line] = [], (a, b) = (0, 0)
    while a < old.count || b < new.count {
      if a < old.count, removed.contains(a) {
        lines.append(Line(mark: "-", text: old[a], old: a, new: b))
        a += 1
      } else if b < new.count, inserted.contains(b) {
        lines.append(Line(mark: "+", text: new[b], old: a, new: b))
        b += 1
      } else if a < old.count, b < new.count {
        lines.append(Line(mark: " ", text: old[a], old: a, new: b))
        (a, b) = (a + 1, b + 1)
      } else {
        break
      }
    }
    return lines
  }
}
