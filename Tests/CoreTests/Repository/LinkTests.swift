import Foundation
import Testing

/// A page of the documentation: its links, and what others may link to.
private struct Page {
  let path: String
  /// Without blocks of code.
  private let lines: [Substring]

  init(_ file: SourceFile) {
    path = file.path
    var isCode = false
    lines = file.lines.filter { line in
      let isFence = line.drop { $0 == " " }.hasPrefix("```")
      if isFence { isCode.toggle() }
      return !isFence && !isCode
    }
  }

  /// What is in parentheses after a text in brackets, where it is no address of the net.
  var links: [Substring] {
    lines.flatMap { line in
      line.replacing(#/`[^`]*`/#, with: "").matches(of: #/\]\(([^)\s]+)\)/#).map { Substring(String($0.1)) }
    }.filter { !$0.contains(#/^[a-z]+:/#) }
  }

  /// As the web makes them of headings: small letters, hyphens for spaces, no other signs; a number where two are alike.
  var anchors: Set<String> {
    var anchors: Set<String> = [], count: [String: Int] = [:]
    for line in lines {
      guard let heading = line.wholeMatch(of: #/#{1,6} (.*)/#)?.1 else { continue }
      let text = String(heading).replacing(#/\[([^\]]*)\]\([^)]*\)/#) { $0.output.1 }.lowercased()
      let anchor = String(text.filter { $0.isLetter || $0.isNumber || " -_".contains($0) }.map { $0 == " " ? "-" : $0 })
      let earlier = count[anchor, default: 0]
      count[anchor] = earlier + 1
      anchors.insert(earlier == 0 ? anchor : "\(anchor)-\(earlier)")
    }
    return anchors
  }

  /// The path in the repository to which a link leads, and the heading there; "": none in particular.
  func goal(of link: Substring) -> (path: String, anchor: String) {
    let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let anchor = parts.count > 1 ? parts[1] : ""
    guard !parts[0].isEmpty else { return (path, anchor) }
    var steps = path.split(separator: "/").dropLast().map(String.init)
    for step in parts[0].split(separator: "/") where step != "." {
      if step == "..", !steps.isEmpty { steps.removeLast() } else { steps.append(String(step)) }
    }
    return (steps.joined(separator: "/"), anchor)
  }
}

/// Links that lead nowhere, each as `page: link`.
private func brokenLinks(_ files: [SourceFile], isThere: (String) -> Bool) -> [String] {
  let pages = files.map(Page.init)
  let anchors = Dictionary(uniqueKeysWithValues: pages.map { ($0.path, $0.anchors) })
  return pages.flatMap { page in
    page.links.filter { link in
      let goal = page.goal(of: link)
      guard isThere(goal.path) else { return true }
      return !goal.anchor.isEmpty && anchors[goal.path].map { !$0.contains(goal.anchor) } ?? false
    }.map { "\(page.path): \($0)" }
  }
}

@Suite struct `A link of the documentation` {
  private static let pages =
    SourceFile.one("README.md") + SourceFile.one("Packaging/README.md") + SourceFile.all(in: "Docs", types: ["md"])

  @Test func `leads somewhere`() {
    #expect(Self.pages.count > 15)
    let broken = brokenLinks(Self.pages) {
      FileManager.default.fileExists(atPath: SourceFile.root.appending(path: $0).path)
    }
    for link in broken { Issue.record("\(link) leads nowhere") }
  }

  private static let other = SourceFile(
    path: "Docs/other.md",
    text: "# What `one` does\n## Twice\n## Twice\n## [A link](x.md), and more: 2 of 3\n```\n# no heading\n```\n")

  @Test(arguments: [
    ("[a](other.md)", true), ("[a](../README.md)", true), ("[a](other.md#what-one-does)", true),
    ("[`a`](other.md#twice-1)", true),
    ("[a](other.md#a-link-and-more-2-of-3)", true), ("[a](#here)", true), ("[a](https://example.com/gone#x)", true),
    ("`[a](gone.md)`", true), ("```\n[a](gone.md)\n```", true), ("[a](../Policies)", true),
    ("[a](gone.md)", false), ("[a](other.md#twice-2)", false), ("[a](#there)", false), ("[a](other.md#no-heading)", false),
    ("[a](README.md)", false), ("[a](other.md#Twice)", false), ("[a](other.md) and [b](gone.md)", false)
  ])
  func `that leads nowhere is seen`(_ text: String, _ isSound: Bool) {
    let page = SourceFile(path: "Docs/page.md", text: "# Here\n\n\(text)\n")
    let there: Set<String> = ["Docs/page.md", "Docs/other.md", "Docs/x.md", "README.md", "Policies"]
    #expect(brokenLinks([page, Self.other]) { there.contains($0) }.isEmpty == isSound)
  }
}
