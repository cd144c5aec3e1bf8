import ArgumentParser

/// - Throws: what the option takes, when its value, if it has one, lies outside.
func check<Value: Comparable>(_ option: String, _ value: Value?, in range: ClosedRange<Value>) throws {
  guard let value, !range.contains(value) else { return }
  throw ValidationError("\(option) takes \(range.lowerBound) to \(range.upperBound), not \(value)")
}
