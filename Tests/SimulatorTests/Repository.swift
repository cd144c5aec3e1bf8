import Foundation

/// Files of this repository.
enum Repository {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static func text(_ path: String) throws -> String { try String(contentsOf: root.appending(path: path), encoding: .utf8) }

  /// Every scenario, as `family/name`.
  static let scenarios: [String] = {
    let directory = root.appending(path: "Tests/Scenarios").resolvingSymlinksInPath()
    let found = FileManager.default.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? []
    return found.filter { $0.hasSuffix(".yaml") }.sorted()
  }()
}
