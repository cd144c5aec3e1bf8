import FoundationXML
import HoldfastModel

/// Our element in a domain's metadata.
package enum ClaimElement {
  package static let namespace = "https://holdfast.dev/domain/1"
  package static let prefix = "holdfast"
  private static let name = "claim"

  /// As libvirt takes it: it adds the namespace and the prefix itself.
  package static func bare(_ mark: ClaimMark) -> String { "<\(name) \(attributes(mark))/>" }

  /// As it stands in a domain's XML.
  package static func qualified(_ mark: ClaimMark) -> String {
    "<\(prefix):\(name) xmlns:\(prefix)=\"\(namespace)\" \(attributes(mark))/>"
  }

  /// Whether it is ours, of whatever version of its content.
  static func isOurs(_ element: XMLElement) -> Bool { element.uri == namespace }

  /// What `bare` wrote, as libvirt gives it alone; nil when it is not a claim that can be read.
  package static func read(bare text: String) -> ClaimMark? {
    // XMLElement repairs in silence what is not well-formed.
    guard DomainOutline.read("<domain>\(text)</domain>").flaw == nil, let element = try? XMLElement(xmlString: text),
      element.localName == name
    else { return nil }
    return mark(of: element)
  }

  /// nil when it is not a claim that can be read.
  static func read(_ element: XMLElement) -> ClaimMark? {
    isOurs(element) && element.localName == name ? mark(of: element) : nil
  }

  private static func mark(of element: XMLElement) -> ClaimMark? {
    guard let cluster = element.attribute(forName: "cluster")?.stringValue,
      let workload = element.attribute(forName: "workload")?.stringValue,
      let epoch = element.attribute(forName: "epoch")?.stringValue.flatMap({ Int64($0) })
    else { return nil }
    return ClaimMark(
      cluster: cluster, workload: workload, epoch: Epoch(epoch),
      definition: element.attribute(forName: "definition")?.stringValue)
  }

  private static func attributes(_ mark: ClaimMark) -> String {
    "cluster=\"\(escaped(mark.cluster))\" workload=\"\(escaped(mark.workload))\" epoch=\"\(mark.epoch.value)\""
      + (mark.definition.map { " definition=\"\(escaped($0))\"" } ?? "")
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { out, character in
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      default: out.append(character)
      }
    }
  }
}
