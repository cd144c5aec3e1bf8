import HoldfastModel

/// What a scenario's statements need to know of the past, and whether anything changed that they can speak of.
final class Chronicle {
  /// When the story began.
  let beginning: Moment
  /// Grows with whatever can make a statement true or false, but for the mere passing of time.
  private(set) var version = 0
  private(set) var starts: [WorkloadName: Int] = [:]
  private(set) var moves: [WorkloadName: Int] = [:]
  private(set) var notes: [(at: Moment, node: NodeName, text: String)] = []
  /// Since when what executes nowhere does so.
  private var downSince: [WorkloadName: Moment] = [:]
  /// Of the outages that are over.
  private var longest: [WorkloadName: Span] = [:]

  init(beginning: Moment) { self.beginning = beginning }

  func changed() { version += 1 }

  func started(_ workload: WorkloadName) {
    starts[workload, default: 0] += 1
    changed()
  }

  func moved(_ workload: WorkloadName) {
    moves[workload, default: 0] += 1
    changed()
  }

  func said(_ node: NodeName, _ text: String, at now: Moment) {
    notes.append((now, node, text))
    changed()
  }

  /// It executes somewhere from now on, or nowhere.
  func executes(_ workload: WorkloadName, _ isSo: Bool, at now: Moment) {
    guard isSo else {
      if downSince[workload] == nil { downSince[workload] = now }
      return
    }
    guard let since = downSince.removeValue(forKey: workload) else { return }
    longest[workload] = max(longest[workload] ?? .zero, now - since)
  }

  /// How long it executed nowhere at a stretch, at most.
  func longestOutage(of workload: WorkloadName, at now: Moment) -> Span {
    max(longest[workload] ?? .zero, downSince[workload].map { now - $0 } ?? .zero)
  }

  /// Since the story began, or within a part of it: so long after such a time.
  func hasSaid(_ node: NodeName, _ text: String, within part: Statement.Part?) -> Bool {
    notes.contains { note in
      guard note.node == node, note.text.contains(text) else { return false }
      guard let part else { return true }
      let at = note.at - beginning
      return at >= part.from && at <= part.from + part.length
    }
  }
}
