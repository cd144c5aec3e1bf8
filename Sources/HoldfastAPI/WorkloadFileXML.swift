import DomainXML
import HoldfastModel
import HoldfastOperator
import HoldfastYAML

/// What Holdfast needs to know of a workload's domain XML. libvirt judges the rest when the domain is started.
struct DefinedDomain: Hashable {
  /// The `type` attribute.
  var type: String
  /// Lower case with dashes.
  var uuid: String?
  /// MiB, rounded up.
  var memory: Int?
  var processors: Double?

  /// The connection that runs domains of this type.
  var connection: String? {
    switch type {
    case "lxc": "lxc:///system"
    case "kvm", "qemu": "qemu:///system"
    default: nil
    }
  }

  /// Something that is wrong in the XML, at a place within its text.
  struct Flaw: Hashable {
    var place: FilePosition
    var expected: String
    var found: String
    var remedy: String
  }

  /// - Parameter limit: in bytes.
  /// - Returns: no facts when the text is no domain at all.
  static func read(_ text: String, limit: Int) -> (facts: DefinedDomain?, flaws: [Flaw]) {
    guard text.utf8.count <= limit else {
      let flaw = Flaw(
        place: FilePosition(line: 1, column: 1), expected: "at most \(limit / 1024) KiB of XML",
        found: "\(text.utf8.count / 1024) KiB", remedy: "Shorten it.")
      return (nil, [flaw])
    }
    let (outline, broken) = DomainOutline.read(text)
    var judging = DomainJudging()
    let facts = outline.map { judging.domain($0) }
    if let broken { judging.report(broken.place, broken.expected, broken.found, broken.remedy) }
    return (facts, judging.flaws)
  }
}

/// Judges the values that an outline has.
private struct DomainJudging {
  private(set) var flaws: [DefinedDomain.Flaw] = []

  mutating func domain(_ outline: DomainOutline) -> DefinedDomain {
    var domain = DefinedDomain(type: outline.type ?? "")
    if domain.connection == nil {
      report(
        outline.place, "a domain of type lxc, kvm or qemu", outline.type.map { "type \(YAMLValue.quote($0))" } ?? "no type",
        "Write <domain type='lxc'> or <domain type='kvm'>.")
    }
    for element in outline.elements { take(element, &domain) }
    return domain
  }

  private mutating func take(_ element: DomainOutline.Element, _ domain: inout DefinedDomain) {
    let text = element.text
    switch element.kind {
    case .uuid:
      domain.uuid = NameUUID.normalized(text)
      if domain.uuid == nil {
        report(
          element.place, "a UUID of 32 hexadecimal digits", YAMLValue.quote(text),
          "Remove <uuid>: one is made, or correct it.")
      }
    case .memory:
      domain.memory = DomainOutline.mebibytes(text, unit: element.attributes["unit"])
      if domain.memory == nil {
        report(
          element.place, "memory such as <memory unit='MiB'>512</memory>",
          "\(YAMLValue.quote(text)) of unit '\(element.attributes["unit"] ?? "KiB")'",
          "Write a whole number and one of libvirt's units; without a unit it is KiB.")
      }
    case .vcpu:
      domain.processors = Int(text).flatMap { (1...10_000).contains($0) ? Double($0) : nil }
      if domain.processors == nil {
        report(element.place, "a number of processors", YAMLValue.quote(text), "Write a whole number, at least 1.")
      }
    case .partition:
      // What dumpxml shows of a domain that had none of its own, or that Holdfast runs.
      if text == "/machine" || text == "/holdfast" || text.hasPrefix("/holdfast/") { break }
      report(
        element.place, "no partition of its own", YAMLValue.quote(text),
        "Remove <resource>: Holdfast puts its domains into the partition that the guard freezes.")
    case .interface: break
    }
  }

  mutating func report(_ place: DomainOutline.Place, _ expected: String, _ found: String, _ remedy: String) {
    flaws.append(
      .init(place: FilePosition(line: place.line, column: place.column), expected: expected, found: found, remedy: remedy))
  }
}
