/// Finds what somebody meant.
public enum Spelling {
  /// The candidate that comes closest to `word`, when it is close enough to be meant: a transposed, missing, added or
  /// wrong letter or two, other capitals, underscores for dashes, or a beginning of it.
  public static func nearest(to word: String, among candidates: [String]) -> String? {
    let normal = kebab(word)
    guard normal.count <= 40 else { return nil }
    if normal.count >= 4, let longer = candidates.first(where: { $0.hasPrefix(normal) && $0 != normal }) { return longer }
    let near = candidates.map { (candidate: $0, distance: distance(normal, $0.lowercased())) }
      .filter { $0.distance <= max(1, min($0.candidate.count, normal.count) / 3) }
    return near.min { ($0.distance, $0.candidate) < ($1.distance, $1.candidate) }?.candidate
  }

  /// `stopBudget`, `stop_budget` and `Stop-Budget` as `stop-budget`.
  private static func kebab(_ word: String) -> String {
    var result = ""
    for character in word {
      if character.isUppercase, let last = result.last, last.isLowercase { result.append("-") }
      result += character == "_" || character == " " ? "-" : character.lowercased()
    }
    return result
  }

  /// The optimal string alignment distance: insertions, deletions, substitutions, and swaps of neighbours.
  static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a), b = Array(b)
    var rows = [Array(0...b.count)]
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var least = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { least = min(least, rows[i - 1][j - 1] + 1) }
        row.append(least)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }
}
