import FoundationEssentials
import HoldfastModel

/// The definition of a workload of the host itself: its parts, in the order in which they are started. In the store its text stands where a domain has
/// its XML, and the workload's connection tells which of the two it is.
///
/// The text is canonical: the same parts always give the same text, and no other text is read. So a part of a later build, or a key of one, is refused by
/// an earlier build and never passed over. It has no `<`: whoever looks for XML in it finds no element.
public struct HostDefinition: Hashable, Sendable {
  public var parts: [HostPart]

  public init(parts: [HostPart]) { self.parts = parts }

  private static let version = 1

  private struct Content: Codable {
    var version: Int
    var parts: [HostPart]
  }

  /// - Throws: why the text is none.
  public init(_ text: String) throws(HostPartFlaw) {
    struct Version: Decodable { var version: Int }
    let data = Data(text.utf8), remedy = "Give parts in a workload file: `holdfast apply` writes the text."
    guard text.utf8.count <= SpecRecord.greatestXML, let found = try? JSONDecoder().decode(Version.self, from: data) else {
      throw HostPartFlaw("its parts cannot be read", remedy)
    }
    guard found.version == Self.version, let content = try? JSONDecoder().decode(Content.self, from: data) else {
      throw HostPartFlaw(
        "its parts cannot be read by this build (version \(found.version))",
        "Upgrade Holdfast on this node, or give the parts anew.")
    }
    self.init(parts: content.parts)
    if let flaw { throw flaw }
    guard self.text == text else {
      throw HostPartFlaw("its parts hold what this build does not know, or are not written as it writes them", remedy)
    }
  }

  /// As it stands in the store.
  public var text: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Nothing in it can fail to be encoded: its numbers are finite.
    let data = (try? encoder.encode(Content(version: Self.version, parts: parts))) ?? Data()
    return String(decoding: data, as: UTF8.self).replacing("<", with: "\\u003c")
  }

  /// nil: a workload can have such parts.
  public var flaw: HostPartFlaw? {
    if parts.isEmpty { return HostPartFlaw("it has no parts", "Name at least one.") }
    if parts.count > HostPart.most { return HostPartFlaw("it has more than \(HostPart.most) parts", "Make them fewer.") }
    var names: Set<String> = [], places: Set<String> = [], units: Set<String> = []
    for part in parts {
      if let flaw = part.flaw { return flaw }
      guard names.insert(part.name).inserted else {
        return HostPartFlaw("two parts have the name \(part.name)", "Rename one of the two.")
      }
      if case .mount(let mount) = part.kind, !places.insert(mount.place).inserted {
        return HostPartFlaw("two mounts have the place \(mount.place)", "Give one of them another directory.")
      }
      if case .unit(let unit) = part.kind, !units.insert(unit.unit).inserted {
        return HostPartFlaw("two parts are the unit \(unit.unit)", "Remove one of the two.")
      }
    }
    return nil
  }
}
