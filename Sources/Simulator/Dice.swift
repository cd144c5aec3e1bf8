import HoldfastModel

/// Everything that is left to chance, from one seed. Each matter has its own, so that a change in one does not shake the others.
final class Dice {
  @exclusivity(unchecked) private var generator: SeededGenerator

  init(seed: UInt64, matter: UInt64) {
    var mixer = SeededGenerator(seed: seed ^ (matter &* 0xD6E8_FEB8_6659_FD93))
    generator = SeededGenerator(seed: mixer.next())
  }

  func bits() -> UInt64 { generator.next() }

  /// Evenly in 0..<1.
  private func share() -> Double { Double(generator.next() >> 11) / 9_007_199_254_740_992 }

  func chance(_ probability: Double) -> Bool { probability > 0 && share() < probability }

  func number(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(generator.next() % UInt64(range.upperBound - range.lowerBound + 1))
  }

  /// Evenly.
  func span(_ range: ClosedRange<Span>) -> Span {
    let width = Double(range.upperBound.nanoseconds - range.lowerBound.nanoseconds)
    return Span(nanoseconds: range.lowerBound.nanoseconds + Int64(width * share()))
  }

  func milliseconds(_ range: ClosedRange<Double>) -> Span {
    Span(nanoseconds: Int64((range.lowerBound + (range.upperBound - range.lowerBound) * share()) * 1e6))
  }

  func seconds(_ range: ClosedRange<Double>) -> Span {
    Span(nanoseconds: Int64((range.lowerBound + (range.upperBound - range.lowerBound) * share()) * 1e9))
  }

  func pick<T>(_ from: [T]) -> T? { from.isEmpty ? nil : from[number(0...from.count - 1)] }
}
