import Foundation

/// A file of this repository, for tests of the repository itself.
struct SourceFile {
  var path: String
  var text: String

  /// `Sources/HoldfastModel/Names.swift` is in `HoldfastModel`.
  var module: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
  var name: String { path.split(separator: "/").last.map(String.init) ?? path }
  var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
  var imports: [String] {
    lines.filter { !$0.hasPrefix(" ") }.compactMap { line in
      let words = line.split(separator: " ")
      guard let index = words.firstIndex(of: "import"), index <= 1, words.count == index + 2 else { return nil }
      return String(words[index + 1])
    }
  }

  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Everything that this project compiles into its programs.
  static let sources = files(in: "Sources")

  /// Swift files without those that a program wrote, unless these are asked for.
  static func files(in name: String, generated: Bool = false) -> [SourceFile] {
    all(in: name, types: ["swift"]).filter { generated || !$0.path.contains("/Generated/") }
  }

  /// A file at the top.
  static func one(_ name: String) -> [SourceFile] {
    let text = try? String(contentsOf: root.appending(path: name), encoding: .utf8)
    return text.map { [SourceFile(path: name, text: $0)] } ?? []
  }

  /// - Parameter types: how the files' names end; "": those without an ending.
  static func all(in name: String, types: Set<String>) -> [SourceFile] {
    let folder = root.appending(path: name)
    guard let all = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else { return [] }
    return all.compactMap { entry in
      guard let url = entry as? URL, types.contains(url.pathExtension), let text = try? String(contentsOf: url, encoding: .utf8)
      else { return nil }
      return SourceFile(path: "\(name)/" + url.path.dropFirst(folder.path.count + 1), text: text)
    }.sorted { $0.path < $1.path }
  }
}
