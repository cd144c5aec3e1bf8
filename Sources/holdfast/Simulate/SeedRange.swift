import ArgumentParser

/// Which seeds: `200` is the first two hundred, `17..40` are those.
struct SeedRange: ExpressibleByArgument {
  var seeds: ClosedRange<UInt64>

  /// More than anybody waits for.
  private static let most: UInt64 = 1_000_000_000

  init(seeds: ClosedRange<UInt64>) { self.seeds = seeds }

  init?(argument: String) {
    if let count = UInt64(argument), count > 0, count <= Self.most {
      seeds = 1...count
      return
    }
    let parts = argument.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[1].isEmpty, let first = UInt64(parts[0]), let last = UInt64(parts[2]), first <= last,
      last - first < Self.most, last < .max
    else {
      return nil
    }
    seeds = first...last
  }
}
