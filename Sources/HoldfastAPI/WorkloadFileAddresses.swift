import GuardCore
import HoldfastModel
import HoldfastYAML

extension WorkloadFile {
  static let addressKeys: [KeyTable.Row] = [
    .init(
      "workloads[].addresses", "list", .value("[]"),
      "IP addresses that follow it from node to node; at most \(WorkloadAddress.most). [Addresses](#addresses) explains them."),
    .init(
      "workloads[].addresses[].address", "address and prefix length: `10.0.0.80/24`", .required,
      "IPv4 or IPv6. No other workload may have it."),
    .init(
      "workloads[].addresses[].interface", "name of 1 to 15 bytes", .required,
      "The node's interface that gets it, by its name: the same on every node that may run the workload.")
  ]
}

extension WorkloadAddress {
  /// For a file.
  var fileKeys: [(key: String, value: YAMLOutput)] { [("address", .quoted(place)), ("interface", .quoted(interface))] }
}

extension YAMLValue {
  /// The addresses of one workload.
  func addresses() -> [WorkloadAddress]? {
    let expected = "a list of addresses", remedy = "Write entries such as '- {address: 10.0.0.80/24, interface: br0}'."
    guard let items = items(expected: expected, remedy: remedy) else { return nil }
    guard items.count <= WorkloadAddress.most else {
      wrong(expected: "at most \(WorkloadAddress.most) addresses", found: "\(items.count)", remedy: "Remove some.")
      return nil
    }
    var lines: [IPAddress: Int] = [:]
    return items.compactMap { item in
      guard let section = item.section(of: WorkloadFile.keys, at: "workloads[].addresses[]") else { return nil }
      let place = section.required(
        "address", expected: "an IP address with its prefix length", remedy: "Add 'address: 10.0.0.80/24'.")?.address()
      let interface = section.required(
        "interface", expected: "the interface that gets it", remedy: "Add 'interface: NAME', such as br0.")?.interface()
      if let place, let line = lines.updateValue(item.position.line, forKey: place.address) {
        section["address"]?.wrong(
          expected: "every address once", found: "'\(place.address)' again (first on line \(line))",
          remedy: "Remove one of the two: one interface has it.")
      }
      // What is nil here has been reported.
      guard let interface, let place else { return nil }
      return WorkloadAddress(place.address, prefixLength: place.prefixLength, on: interface)
    }
  }

  private func interface() -> String? {
    value(
      expected: "the name of an interface", remedy: { _ in WorkloadAddress.Flaw.interface.remedy },
      { WorkloadAddress.isInterface($0) ? $0 : nil })
  }

  /// An address that one host can have, on an interface that is not looked at.
  private func address() -> WorkloadAddress? {
    let expected = "an IP address with its prefix length, such as 10.0.0.80/24"
    guard let text = text(expected: expected, remedy: IPAddress.Misspelling.other.remedy) else { return nil }
    do throws(IPAddress.Misspelling) {
      let address = try WorkloadAddress(text, on: "any")
      guard let flaw = address.flaw else { return address }
      wrong(expected: "an address that one host has", found: "'\(address.place)': it \(flaw.reason)", remedy: flaw.remedy)
    } catch {
      wrong(expected: expected, remedy: error.remedy)
    }
    return nil
  }
}
