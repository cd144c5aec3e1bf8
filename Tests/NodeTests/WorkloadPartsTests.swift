import Foundation
import GuardCore
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastYAML
import HostParts
import Testing

/// What files, diffs and the daemon's door make of a workload's parts.
@Suite struct `Parts of a workload` {
  private static let text = """
    workloads:
      - name: files
        memory: 512MiB
        parts:
          - {name: data, kind: mount, what: /dev/vg/files, where: /srv/files, fstype: ext4, options: noatime, fsck: preen}
          - name: server
            kind: script
            start: [/x/server, start]
            stop: [/x/server, stop]
            status: [/x/server, status]
            start-timeout: 2m
          - {name: web, kind: ocf, agent: "ocf:heartbeat:nginx", params: {port: 80, password: sesame}, interval: 500s}
          - {name: app, kind: unit, unit: app@one.service}

    """

  private static func definition(_ text: String = text) throws -> WorkloadDefinition {
    try #require(try WorkloadFile.parse(text: text, file: "w.yaml").first)
  }

  @Test func `are read as they stand`() throws {
    let definition = try Self.definition()
    #expect(definition.connection == SpecRecord.hostConnection)
    #expect(definition.demand == Resources(memory: 512, cpus: 1))
    let parts = try HostDefinition(definition.xml).parts
    #expect(
      parts == [
        HostPart(
          name: "data",
          kind: .mount(
            MountPart(what: "/dev/vg/files", place: "/srv/files", type: "ext4", options: "noatime", check: .preen))),
        HostPart(
          name: "server",
          kind: .script(
            ScriptPart(start: ["/x/server", "start"], stop: ["/x/server", "stop"], status: ["/x/server", "status"])),
          startTimeout: 120),
        HostPart(
          name: "web", kind: .ocf(AgentPart(agent: "ocf:heartbeat:nginx", params: ["port": "80", "password": "sesame"])),
          interval: 500),
        HostPart(name: "app", kind: .unit(UnitPart(unit: "app@one.service")))
      ])
  }

  @Test func `are written to files as they are read from them`() throws {
    let definitions = [try Self.definition()]
    let text = try WorkloadFile.text(of: definitions, file: "x.yaml")
    #expect(try WorkloadFile.parse(text: text, file: "x.yaml") == definitions, "\(text)")
    #expect(!text.contains("xml"))
  }

  @Test func `go to the daemon and come back`() throws {
    let definition = try Self.definition()
    let spec = try definition.spec(cluster: "t", present: nil)
    #expect(spec.isOfHost && spec.xml == definition.xml)
    var again = WorkloadDefinition("files", spec)
    again.uuid = nil
    #expect(again == definition)
    var wrong = definition
    wrong.xml = "{}"
    #expect(throws: OperatorError.self) { try wrong.spec(cluster: "t", present: nil) }
    wrong.xml = "<domain type='lxc'/>"
    #expect(throws: OperatorError.self) { try wrong.spec(cluster: "t", present: nil) }
  }

  @Test func `are told apart by a diff, without their passwords`() throws {
    let old = try Self.definition().spec(cluster: "t", present: nil)
    let changed = Self.text.replacing("sesame", with: "poppy").replacing("noatime", with: "\"noatime,nodev\"")
    let new = try Self.definition(changed).spec(cluster: "t", present: nil)
    let diff = DefinitionDiff(from: old, to: new).lines.joined(separator: "\n")
    #expect(diff.contains("-part data: options: noatime\n+part data: options: noatime,nodev"))
    #expect(diff.contains("-part web: param password: (hidden, ") && diff.contains("+part web: param password: (hidden, "))
    #expect(!diff.contains("sesame") && !diff.contains("poppy"))
    #expect(DefinitionDiff(from: old, to: old).lines.isEmpty)
  }

  @Test func `are shown with their passwords masked, and not taken back so`() throws {
    let text = Self.text.replacing("options: noatime", with: "options: \"username=a,password=poppy\"")
    var definition = try Self.definition(text)
    let shown = HostDefinition.masked(definition.xml)
    #expect(!shown.contains("sesame") && !shown.contains("poppy") && shown.contains("\"port\":\"80\""), "\(shown)")
    #expect(try HostDefinition(shown).isMasked && !HostDefinition(definition.xml).isMasked)
    #expect(try HostDefinition(Self.definition().xml).parts.count == HostDefinition(shown).parts.count)
    definition.xml = shown
    #expect(throws: OperatorError.self) { try definition.spec(cluster: "t", present: nil) }
    #expect(HostDefinition.masked("password of nobody") == DomainSecrets.mask)
  }

  @Test(arguments: [
    ("fsck: preen", "fsck: always", "expected never or preen"),
    ("fstype: ext4", "path: /x", "found the unknown key 'path'"),
    ("kind: mount", "kind: script", "no 'what' with 'kind: script'"),
    ("name: web", "name: data", "every part once"), ("/srv/files", "srv/files", "no place where a file system can be mounted"),
    ("ocf:heartbeat:nginx", "lsb:nginx", "names no OCF agent"),
    ("[/x/server, stop]", "/x/server stop", "a list with the executable"),
    ("    memory: 512MiB\n", "", "the memory that its parts need together"), ("stop: [/x/server, stop]\n", "\n", "Add 'stop:"),
    ("memory: 512MiB", "memory: 512MiB\n    connection: lxc:///system", "as it is made of parts of the host"),
    ("memory: 512MiB", "memory: 512MiB\n    xml-file: x.xml", "one of 'parts' and 'xml-file'"),
    ("500s", "2h", "a duration from 1s to 1h"),
    ("[/x/server, status]", "[server, status]", "names no executable"),
    ("unit: app@one.service", "unit: app@.service", "names no service of systemd's: 'app@.service'"),
    ("unit: app@one.service", "unit: app", "names no service of systemd's: 'app'. Write its full name, such as nginx.service"),
    ("unit: app@one.service", "unit: app.timer", "names no service of systemd's"),
    ("unit: app@one.service", "start: [/x]", "no 'start' with 'kind: unit'"),
    (", unit: app@one.service", "", "Add 'unit: NAME.service'")
  ])
  func `are refused with what is wrong`(old: String, new: String, said: String) throws {
    let text = Self.text.replacing(old, with: new)
    #expect(text != Self.text)
    do {
      _ = try WorkloadFile.parse(text: text, file: "w.yaml")
      Issue.record("it was read")
    } catch { #expect("\(error)".contains(said), "\(error)") }
  }

  @Test func `are asked for by their connection`() throws {
    do {
      _ = try WorkloadFile.parse(text: "workloads:\n  - {name: a, memory: 1, connection: \"host:///system\"}\n", file: "w.yaml")
      Issue.record("it was read")
    } catch { #expect("\(error)".contains("the parts of the host that it is made of"), "\(error)") }
  }

  @Test(arguments: ["{name: c, kind: exec, command: [/x]}", "{name: c, kind: tcp, port: 80}", "{name: c, kind: agent}"])
  func `are asked by no check that looks into a guest`(check: String) throws {
    #expect(throws: WorkloadFileErrors.self) {
      try WorkloadFile.parse(text: Self.text + "    checks: [\(check)]\n", file: "w.yaml")
    }
  }
}
