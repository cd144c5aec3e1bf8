/// Finds which of many selections covers another one, without a comparison with each of them.
struct CoveringIndex {
  private let selections: [Selection]
  /// The numbers of the selections with an alternative that begins with a condition, ascending; nil: with one that has none.
  private var numbers: [Selection.Condition?: [Int]] = [:]

  init(_ selections: [Selection]) {
    self.selections = selections
    for (number, selection) in selections.enumerated() {
      for first in Set(selection.alternatives.map(\.first)) { numbers[first, default: []].append(number) }
    }
  }

  /// The number of the first one in the range that covers `other` and satisfies the condition.
  func first(in range: Range<Int>, covering other: Selection, where condition: (Int) -> Bool = { _ in true }) -> Int? {
    guard let narrow = other.alternatives.first else { return range.first(where: condition) }
    // What covers this alternative has one whose conditions are all among its own.
    var found: Int?
    for key in narrow.map(Optional.some) + [nil] {
      let candidates = numbers[key] ?? []
      for number in candidates[Self.start(of: range, in: candidates)...] {
        if number >= found ?? range.upperBound { break }
        if selections[number].covers(other), condition(number) { found = number }
      }
    }
    return found
  }

  private static func start(of range: Range<Int>, in numbers: [Int]) -> Int {
    var (low, high) = (0, numbers.count)
    while low < high {
      let middle = (low + high) / 2
      if numbers[middle] < range.lowerBound { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
