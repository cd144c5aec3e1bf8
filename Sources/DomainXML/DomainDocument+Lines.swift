import Foundation
import FoundationXML
import HoldfastModel

extension DomainDocument {
  /// Names that stand for secrets: each secret gets one, so that two that differ can be told apart and neither can be read or guessed.
  package struct SecretNames {
    private var names: [String: String] = [:]

    package init() {}

    mutating func name(of secret: String) -> String {
      let name = names[secret] ?? "(hidden \(names.count + 1))"
      names[secret] = name
      return name
    }
  }

  /// The XML in one way of writing it: one element in a line, attributes by name, no comments, secrets hidden. Two texts that libvirt takes for the
  /// same, but for its defaults, have the same lines.
  package func lines(hiding secrets: inout SecretNames) -> [String] {
    var lines: [String] = []
    Self.write(root, depth: 0, &secrets, &lines)
    return lines
  }

  private static func write(_ element: XMLElement, depth: Int, _ secrets: inout SecretNames, _ lines: inout [String]) {
    let indent = String(repeating: "  ", count: depth), name = element.name ?? ""
    var tag = "\(indent)<\(name)"
    for attribute in words(of: element) {
      let isSecret = DomainSecrets.names.contains(attribute.name)
      tag += " \(attribute.name)='\(isSecret ? secrets.name(of: attribute.value) : escaped(attribute.value))'"
    }
    let children = (element.children ?? []).compactMap { $0 as? XMLElement }
    guard children.isEmpty else {
      lines.append(tag + ">")
      for child in children { write(child, depth: depth + 1, &secrets, &lines) }
      return lines.append("\(indent)</\(name)>")
    }
    let text = (element.stringValue ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
    guard !text.isEmpty else { return lines.append(tag + "/>") }
    let shown = DomainSecrets.names.contains(name) ? secrets.name(of: text) : escaped(text)
    let parts = shown.split(separator: "\n", omittingEmptySubsequences: false).map { $0.trimmingCharacters(in: .whitespaces) }
    guard parts.count > 1 else { return lines.append("\(tag)>\(shown)</\(name)>") }
    lines.append(tag + ">")
    for part in parts where !part.isEmpty { lines.append("\(indent)  \(part)") }
    lines.append("\(indent)</\(name)>")
  }

  /// Attributes and namespaces, sorted by name.
  private static func words(of element: XMLElement) -> [(name: String, value: String)] {
    let attributes = (element.attributes ?? []).map { ($0.name ?? "", $0.stringValue ?? "") }
    let spaces = (element.namespaces ?? []).map { space in
      let prefix = space.name ?? ""
      return (prefix.isEmpty ? "xmlns" : "xmlns:\(prefix)", space.stringValue ?? "")
    }
    return (attributes + spaces).map { (name: $0.0, value: $0.1) }.sorted { $0.name < $1.name }
  }

  static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing("'", with: "&apos;")
  }
}
