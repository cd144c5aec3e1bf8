/// Finds the selections that match a name and labels, without trying each of them on everything.
struct SelectionIndex: Sendable {
  private struct Label: Hashable {
    var name: String
    var value: String
  }
  private struct Entry {
    var selection: Int32
    /// All of them must hold; empty when what led to this entry says it all.
    var conditions: [Selection.Condition]
  }
  private var byName: [String: [Entry]] = [:]
  private var byLabel: [Label: [Entry]] = [:]
  private var others: [Entry] = []
  private(set) var isEmpty = true

  init(_ selections: [Selection]) {
    for (number, selection) in selections.enumerated() { insert(selection, as: Int32(number)) }
  }

  /// - Parameter number: what `matches` gives for it; several selections can share one.
  mutating func insert(_ selection: Selection, as number: Int32) {
    isEmpty = false
    for conditions in selection.alternatives { insert(conditions, as: number) }
  }

  private mutating func insert(_ conditions: [Selection.Condition], as number: Int32) {
    for (index, condition) in conditions.enumerated() where !condition.isNegated {
      var rest = conditions
      rest.remove(at: index)
      let entry = Entry(selection: number, conditions: rest)
      switch condition.subject {
      case .name(.exactly(let name)): return byName[name, default: []].append(entry)
      case .label(let name, .exactly(let value)): return byLabel[Label(name: name, value: value), default: []].append(entry)
      case .name, .label: continue
      }
    }
    others.append(Entry(selection: number, conditions: conditions))
  }

  /// The numbers of the selections that match, ascending, each once, appended to `found`.
  func matches(name: String, labels: [String: String], into found: inout [Int32]) {
    if isEmpty { return }
    let start = found.count
    func take(_ entries: [Entry]) {
      for entry in entries {
        if found[start...].contains(entry.selection) { continue }
        if entry.conditions.allSatisfy({ $0.matches(name: name, labels: labels) }) { found.append(entry.selection) }
      }
    }
    if !byName.isEmpty, let entries = byName[name] { take(entries) }
    if !byLabel.isEmpty {
      for (label, value) in labels {
        if let entries = byLabel[Label(name: label, value: value)] { take(entries) }
      }
    }
    take(others)
    if found.count - start > 1 { found[start...].sort() }
  }
}
