import HoldfastModel

/// What a virtual machine that runs asks of a host that is to take it over while it runs: its CPU, all of it.
extension DomainRequirement {
  /// - Parameter text: of the running domain: libvirt has put a model and features there in place of `host-model`.
  /// - Returns: nil for one whose CPU it does not name, or that cannot be read.
  package init?(running text: String) {
    guard let found = DomainRequirement(of: text), let cpu = found.cpu, let model = cpu.model, cpu.mode == "custom" else {
      return nil
    }
    self.init(whole: cpu.xml, model: model, type: found.type, architecture: found.architecture)
  }

  /// The same again from what a report has of it; nil: it is no CPU with a model.
  package init?(of cpu: GuestCPU) {
    guard let element = DomainElement(of: cpu.xml), element.name == "cpu", let model = element.first("model")?.text,
      !model.isEmpty
    else { return nil }
    self.init(whole: cpu.xml, model: model, type: cpu.type, architecture: cpu.architecture)
  }

  /// What libvirt compares with what QEMU can give a guest there, once it has been started for the migration.
  private init(whole xml: String, model: String, type: String, architecture: String?) {
    self.init(
      type: type, architecture: architecture,
      cpu: CPU(mode: "custom", model: model, check: .full, asksForMore: true, xml: xml))
  }
}
