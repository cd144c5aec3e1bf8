import Foundation
import Testing

/// Files of the controller depend on each other one way: where two depend on each other in a ring, neither can be understood alone.
@Suite struct `The controller's files` {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources/HoldfastController")

  private static let files: [String: String] = {
    guard let all = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else { return [:] }
    var texts: [String: String] = [:]
    for case let url as URL in all where url.pathExtension == "swift" {
      texts[url.deletingPathExtension().lastPathComponent] = try? String(contentsOf: url, encoding: .utf8)
    }
    return texts
  }()

  /// A line of code without its comment and its texts.
  private static func code(_ line: Substring) -> String {
    let isComment = line.drop { $0 == " " }.hasPrefix("//")
    return isComment ? "" : String(line.replacing(#/"(\\.|[^"\\])*"/#, with: ""))
  }

  private static func words(_ text: String) -> Set<String> {
    var words: Set<String> = []
    for line in text.split(separator: "\n") {
      for found in code(line).matches(of: #/(?:^|[^.\w])([A-Z]\w+)/#) { words.insert(String(found.1)) }
    }
    return words
  }

  /// Of every file those that it mentions a type of.
  private static let mentions: [String: Set<String>] = {
    var homes: [String: String] = [:]
    for (file, text) in files {
      for found in text.matches(of: #/(?m)^(?:public |package |private |indirect )*(?:struct|enum|protocol) (\w+)/#) {
        homes[String(found.1)] = file
      }
    }
    return files.map { file, text in (file, Set(words(text).compactMap { homes[$0] }).subtracting([file])) }
      .reduce(into: [:]) { $0[$1.0] = $1.1 }
  }()

  private static func reached(from file: String) -> Set<String> {
    var seen: Set<String> = [], waiting = [file]
    while let next = waiting.popLast() {
      for other in mentions[next] ?? [] where seen.insert(other).inserted { waiting.append(other) }
    }
    return seen
  }

  @Test func `depend on each other one way`() {
    #expect(Self.files.count > 60)
    for file in Self.files.keys.sorted() {
      #expect(!Self.reached(from: file).contains(file), "\(file) depends on itself")
    }
  }

  /// What acts is a command, and what came of it is looked at afterwards.
  @Test(arguments: ["Guard", "Node", "Planner", "Session", "Turn", "Workload"])
  func `ask without acting`(folder: String) throws {
    let all = try #require(
      FileManager.default.enumerator(at: Self.folder.appending(path: folder), includingPropertiesForKeys: nil))
    for case let url as URL in all where url.pathExtension == "swift" {
      let text = try String(contentsOf: url, encoding: .utf8)
      for found in text.matches(of: #/func ((?:is|may|has|can|wants|shows)[A-Z]\w*)\([^{]*?inout (?:Effects|Machines)\b/#) {
        Issue.record("\(url.lastPathComponent): \(found.1) is a question, and takes effects")
      }
    }
  }
}
