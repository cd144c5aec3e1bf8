import GuardCore
import HoldfastModel
import HostParts
import Testing

@Suite struct `A definition of parts` {
  @Test func `reads what it writes, and writes it in one way`() throws {
    let definition = HostDefinition(parts: threeParts)
    #expect(try HostDefinition(definition.text) == definition)
    #expect(
      definition.text == """
        {"parts":[{"interval":10,"mount":{"fsck":"never","what":"/dev/vg/data","where":"/srv/data"},"name":"data","startTimeout":60,"statusTimeout":10,"stopTimeout":30},\
        {"interval":10,"name":"server","script":{"start":["/x/start"],"status":["/x/status"],"stop":["/x/stop"]},"startTimeout":60,"statusTimeout":10,"stopTimeout":30},\
        {"interval":10,"name":"web","ocf":{"agent":"ocf:heartbeat:nginx","params":{}},"startTimeout":60,"statusTimeout":10,"stopTimeout":30}],"version":1}
        """)
  }

  @Test func `shows nobody who looks for XML an element`() throws {
    let part = HostPart(name: "x", kind: .ocf(AgentPart(agent: "ocf:a:b", params: ["p": "<disk><source file='/a'/></disk>"])))
    let text = HostDefinition(parts: [part]).text
    #expect(!text.contains("<"))
    #expect(try HostDefinition(text).parts == [part])
    #expect(DomainElement(of: text) == nil)
    #expect(DomainSecrets.masked(text) == text)
  }

  @Test(arguments: [
    ("", "cannot be read"), ("<domain/>", "cannot be read"), ("{\"parts\":[],\"version\":1}", "no parts"),
    ("{\"parts\":[],\"version\":2}", "version 2"), (" " + HostDefinition(parts: threeParts).text, "not written"),
    (
      HostDefinition(parts: threeParts).text.replacing("\"name\":\"web\"", with: "\"name\":\"web\",\"nice\":1"), "does not know"
    ),
    (HostDefinition(parts: threeParts).text.replacing("ocf:heartbeat:nginx", with: "lsb:nginx"), "no OCF agent"),
    (HostDefinition(parts: threeParts).text.replacing("\"web\"", with: "\"data\""), "two parts"),
    (
      HostDefinition(parts: threeParts).text.replacing("\"interval\":10,\"mount\"", with: "\"interval\":0,\"mount\""),
      "out of bounds"
    )
  ])
  func `is refused with its reason`(text: String, reason: String) {
    do {
      _ = try HostDefinition(text)
      Issue.record("it was read")
    } catch { #expect(error.description.contains(reason), "\(error)") }
  }

  @Test(arguments: ["/", "srv", "/usr", "/srv/../etc", "/srv//a", "/srv/a/", ""])
  func `mounts nothing where the host would break, or the place is not plain`(place: String) {
    #expect(HostPart(name: "a", kind: .mount(MountPart(what: "/dev/a", place: place))).flaw != nil)
  }

  @Test(arguments: [
    (MountPart(what: "/dev/vg//data", place: "/srv/a"), ["/dev/vg/data"]),
    (MountPart(what: "UUID=12", place: "/srv/a"), ["UUID=12"]),
    (MountPart(what: "nas:/export", place: "/srv/a"), ["nas:/export"]),
    (MountPart(what: "tmpfs", place: "/srv/a", type: "tmpfs"), []),
    (MountPart(what: "/dev/a", place: "/srv/a", options: "noatime,ro"), [])
  ])
  func `tells what nobody else may mount`(mount: MountPart, names: [String]) {
    let definition = HostDefinition(parts: [HostPart(name: "a", kind: .mount(mount))])
    let spec = SpecRecord(
      connection: SpecRecord.hostConnection, uuid: "u", xml: definition.text, demand: Resources(memory: 1, cpus: 1),
      labels: [:], priority: 0,
      isolation: .freeze, stopTimeout: 30)
    #expect(DomainBelongings(of: spec).owned.map(\.name) == names)
    #expect(spec.interfaces == 0 && spec.bridges.isEmpty && spec.frozenNetwork == nil)
  }

  @Test func `shows no options and no parameters`() {
    let mount = HostPart(
      name: "a", kind: .mount(MountPart(what: "//nas/x", place: "/srv/a", type: "cifs", options: "password=secret")))
    let agent = HostPart(name: "b", kind: .ocf(AgentPart(agent: "ocf:a:b", params: ["passwd": "secret"])))
    #expect(mount.summary == "mount a: //nas/x on /srv/a (cifs)")
    #expect(agent.summary == "agent b: ocf:a:b")
  }
}
