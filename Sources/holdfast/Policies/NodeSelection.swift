import HoldfastModel
import HoldfastPlanning

/// Nodes as an operator names them on the command line: `n3`, `n1,n2`, `rack=b`, `rack=b and not role=spare`.
enum NodeSelection {
  /// - Parameter option: for messages, such as `--lose`.
  /// - Throws: `Failure` for what cannot be read, and for what selects no node.
  static func nodes(_ text: String, option: String, in snapshot: PlanningSnapshot) throws -> Set<NodeName> {
    let thing = "\(option) '\(text)'"
    // Everybody's way to write a list; a name has no comma, a label's value may have one in quotes.
    let parts = text.contains("\"") || text.contains("'") ? [text] : text.split(separator: ",").map(String.init)
    var found: Set<NodeName> = []
    for part in parts.isEmpty ? [""] : parts {
      let selection: Selection
      do throws(TextFlaw) {
        selection = try Selection(parsing: part)
      } catch {
        throw Failure(
          .usage, kind: "invalid", thing: thing, reason: "expected \(error.expected), found \(error.found)",
          remedy: "Write a node's name, or a label and its value: n3, rack=b.")
      }
      let nodes = snapshot.nodes(selection)
      if nodes.isEmpty { throw none(selection, thing, snapshot) }
      found.formUnion(nodes)
    }
    return found
  }

  private static func none(_ selection: Selection, _ thing: String, _ snapshot: PlanningSnapshot) -> Failure {
    let names = snapshot.nodes.map(\.name.text).sorted()
    let labels = Set(snapshot.nodes.flatMap { $0.labels.map { "\($0.key)=\($0.value)" } }).sorted()
    let words = selection.exactNames + selection.alternatives.joined().map(\.description).filter { $0.contains("=") }
    let nearest = words.lazy.compactMap { nearestSpelling(to: $0, among: $0.contains("=") ? labels : names) }.first
    let known = "The nodes are \(InWords.list(names, most: 8))"
    return Failure(
      kind: "unknown", thing: thing, reason: "no node of this cluster is selected by it",
      remedy: nearest.map { "Did you mean \($0)?" }
        ?? (labels.isEmpty ? "\(known)." : "\(known); labels are \(InWords.list(labels, most: 8))."))
  }
}
