/// The disks of a virtual machine that are files of its host and that it writes to. Unless they are copied, a live migration has to find the same files
/// on the other host.
package struct WrittenDisks: Hashable, Sendable {
  private struct Disk: Hashable, Sendable {
    /// The guest's name for it; nil: the definition has none.
    var target: String?
    var file: String
  }
  /// In the definition's order.
  private var disks: [Disk] = []

  /// - Parameter xml: well-formed; of what is not, only so much is found.
  package init(of xml: String) {
    guard let domain = DomainElement(of: xml), domain.attribute("type") != "lxc" else { return }
    for device in domain.first("devices")?.all("disk") ?? [] {
      guard device.attribute("type") ?? "file" == "file", let file = device.first("source")?.value("file"), file.hasPrefix("/"),
        !["cdrom", "floppy"].contains(device.attribute("device")), !device.has("readonly"), !device.has("transient")
      else { continue }
      disks.append(Disk(target: device.first("target")?.value("dev"), file: file))
    }
  }

  package var isEmpty: Bool { disks.isEmpty }

  /// The files that it writes to.
  ///
  /// - Parameter running: what it has now: a disk may have been replaced since it was started. nil: not known.
  package func files(_ running: DomainHardware?) -> [String] {
    guard let running else { return disks.map(\.file) }
    return disks.compactMap { disk in
      guard let now = running.disks.first(where: { $0.target == disk.target }) else { return nil }
      return now.source.flatMap { $0.hasPrefix("/") && !now.isRemovable ? $0 : nil }
    }
  }
}
