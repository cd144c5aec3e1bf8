import Foundation
import GuardCore
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastYAML
import Testing

@Suite struct `A workload file` {
  private func parse(_ text: String, directory: String = "") throws -> [WorkloadDefinition] {
    try WorkloadFile.parse(text: text, file: "w.yaml", directory: directory)
  }

  private func single(_ xml: String, _ keys: String = "") throws -> WorkloadDefinition {
    try #require(try parse("workloads:\n  - name: web1\n    xml: \"\(xml)\"\n\(keys)").first)
  }

  @Test func `of the examples can be used`() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Examples/workloads.yaml").path()
    let workloads = try WorkloadFile.parse(path: path)
    #expect(workloads.map(\.name) == ["web1", "db1"])
    #expect(workloads.map(\.connection) == ["lxc:///system", "qemu:///system"])
    #expect(workloads.map(\.demand) == [Resources(memory: 256, cpus: 0.5), Resources(memory: 4096, cpus: 2)])
    #expect(workloads.map(\.isolation) == [.freeze, .stop])
    #expect(workloads.map(\.stopTimeout) == [30, 120])
    #expect(workloads.map(\.priority) == [0, 10])
    #expect(workloads.map(\.labels) == [["tier": "web"], ["tier": "db"]])
    #expect(workloads.first?.xml == (try repositoryFile("Examples/web1.xml")))
  }

  @Test func `with a workload of nothing but a name and XML has the defaults`() throws {
    let workload = try single("<domain type='lxc'><memory unit='MiB'>32</memory></domain>")
    #expect(
      workload
        == WorkloadDefinition(
          name: "web1", connection: "lxc:///system", xml: "<domain type='lxc'><memory unit='MiB'>32</memory></domain>",
          demand: Resources(memory: 32, cpus: 1)))
  }

  @Test func `says more than its XML`() throws {
    let keys =
      "    memory: 1GiB\n    cpus: 0.1\n    connection: qemu:///system\n    priority: -5\n"
      + "    stop-timeout: 500ms\n    labels: {a: 1}\n"
    let xml = "<domain type='kvm'><name>other</name><memory>1048576</memory><vcpu current='1'>4</vcpu></domain>"
    let workload = try single(xml, keys)
    #expect(workload.demand == Resources(memory: 1024, cpus: 0.1))
    #expect(
      (workload.name, workload.connection, workload.priority, workload.stopTimeout) == ("web1", "qemu:///system", -5, 0.5))
    #expect(workload.labels == ["a": "1"])
    #expect(try single(xml).demand == Resources(memory: 1024, cpus: 4))
  }

  @Test func `can have several documents, empty ones too`() throws {
    let entry = "xml: \"<domain type='lxc'><memory>1</memory></domain>\""
    let text = "---\nworkloads: [{name: a, \(entry)}]\n---\n---\nworkloads: [{name: b, \(entry)}]\n---\n# the end\n"
    #expect(try parse(text).map(\.name) == ["a", "b"])
  }

  @Test(arguments: [
    ("1", "", 1), ("1024", "", 1), ("1025", "", 2), ("32768", " unit='KiB'", 32), ("1", " unit='b'", 1),
    ("64", " unit='M'", 64),
    ("64", " unit='MiB'", 64), ("64", " unit='MB'", 62), ("1", " unit='GiB'", 1024), ("2", " unit='g'", 2048),
    ("1", " unit='TiB'", 1_048_576),
    ("1000000", " unit='bytes'", 1)
  ]) func `rounds the XML's memory up to MiB`(number: String, unit: String, mebibytes: Int) throws {
    #expect(try single("<domain type='lxc'><memory\(unit)>\(number)</memory></domain>").demand.memory == mebibytes)
  }

  @Test(arguments: ["0A0A0A0A-0000-0000-0000-00000000000a", " 0a0a0a0a00000000000000000000000A "])
  func `takes the XML's UUID in its plain form`(text: String) throws {
    let workload = try single("<domain type='lxc'><uuid>\(text)</uuid><memory>1</memory></domain>")
    #expect(workload.uuid == "0a0a0a0a-0000-0000-0000-00000000000a")
  }

  @Test(arguments: ["/machine", "/holdfast", "/holdfast/freeze"])
  func `takes the partition that dumpxml shows`(partition: String) throws {
    _ = try single("<domain type='lxc'><memory>1</memory><resource><partition>\(partition)</partition></resource></domain>")
  }

  @Test func `takes no element of another depth for the domain's own`() throws {
    let devices = "<devices><memory><uuid>no</uuid></memory><vcpu>99</vcpu></devices><metadata><memory>x</memory></metadata>"
    let workload = try single("<domain type='lxc'>\(devices)<memory>2048</memory></domain>")
    #expect((workload.demand.memory, workload.demand.cpus, workload.uuid) == (2, 1, nil))
  }

  @Test func `survives XML of absurd depth, width and length`() throws {
    let scratch = try ScratchDirectory()
    func flaw(_ xml: String) throws -> FileMistake? {
      try scratch.write("x.xml", xml)
      let text = "workloads:\n  - {name: a, xml-file: x.xml}\n"
      do throws(WorkloadFileErrors) {
        _ = try WorkloadFile.parse(text: text, file: "w.yaml", directory: scratch.path)
        return nil
      } catch {
        return error.mistakes.first
      }
    }
    let open = "<domain type='lxc'><memory>1</memory>"
    #expect(try flaw(open + String(repeating: "<a>", count: 255) + String(repeating: "</a>", count: 255) + "</domain>") == nil)
    let deep = try flaw(open + String(repeating: "<a>", count: 100_000))
    #expect(deep?.expected == "elements nested at most 256 deep")
    #expect(try flaw(open + "<a " + (0..<20_000).map { "b\($0)=''" }.joined(separator: " ") + "/></domain>") == nil)
    #expect(try flaw(open + String(repeating: " ", count: 600_000) + "</domain>")?.expected == "at most 512 KiB of XML")
    #expect(try flaw("")?.found == "nothing")
  }

  /// A definition need not come from a file.
  @Test(arguments: [
    ("<network/>", "found <network>"), ("<domain>\n<name>x</nam></domain>", "broken in line 2"), ("", "found nothing"),
    ("<domain><uuid>11111111-2222-4333-8444-555555555555</uuid></domain>", "its XML says 11111111")
  ]) func `stands for no workload where its XML is none or another's`(xml: String, words: String) throws {
    let definition = WorkloadDefinition(
      name: "web1", connection: "lxc:///system", uuid: "7682fb7b-a106-5188-91a3-f7913c566ba0", xml: xml,
      demand: Resources(memory: 1, cpus: 1))
    let error = try #require(throws: OperatorError.self) { try definition.spec(cluster: "t", present: nil) }
    #expect(error.kind == .invalid)
    #expect(error.reason.contains(words), "\(error)")
    #expect(!error.remedy.isEmpty)
  }

  @Test func `resolves no entity`() throws {
    let scratch = try ScratchDirectory()
    try scratch.write("secret", "hunter2")
    let kinds = [
      "<!DOCTYPE domain SYSTEM 'file://\(scratch.path)/secret'><domain type='lxc'/>",
      "<!DOCTYPE domain [<!ENTITY % p SYSTEM 'file://\(scratch.path)/secret'> %p;]><domain type='lxc'/>",
      "<?xml version='1.0'?>\n<!-- x -->\n<!DOCTYPE domain [<!ENTITY s SYSTEM 'secret'>]><domain type='lxc'>&s;</domain>",
      "\u{FEFF}<!DOCTYPE domain><domain type='lxc'/>"
    ]
    for kind in kinds {
      try scratch.write("x.xml", kind)
      let errors = try #require(throws: WorkloadFileErrors.self) {
        try WorkloadFile.parse(text: "workloads: [{name: a, xml-file: x.xml}]", file: "w.yaml", directory: scratch.path)
      }
      #expect(errors.mistakes.map(\.found) == ["a <!DOCTYPE>"])
      #expect(!errors.description.contains("hunter2"))
    }
  }

  @Test(arguments: ["<domain type='lxc'><?p?></domain>", "<?xml version='1.0'?><?p x?><domain type='lxc'/>", "<?p?><domain/>"])
  func `takes no processing instruction`(text: String) throws {
    let scratch = try ScratchDirectory()
    try scratch.write("x.xml", text)
    let errors = try #require(throws: WorkloadFileErrors.self) {
      try WorkloadFile.parse(text: "workloads: [{name: a, xml-file: x.xml}]", file: "w.yaml", directory: scratch.path)
    }
    #expect(errors.mistakes.map(\.found) == ["a <?…?>"])
  }

  @Test func `has mistakes that a script can read`() throws {
    let errors = try #require(throws: WorkloadFileErrors.self) { try parse("workloads: 1") }
    let decoded = try JSONDecoder().decode(WorkloadFileErrors.self, from: try JSONEncoder().encode(errors))
    #expect(decoded == errors)
  }
}
