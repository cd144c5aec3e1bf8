import DomainXML
import Foundation
import GuardCore
import HoldfastModel
import Testing

@Test func `the mark's URI is what remedies name`() { #expect(ClaimElement.namespace == ClaimMark.metadataURI) }

/// What the adapter reads from a domain's XML, and what it makes of one.
@Suite struct DomainDocumentTests {
  static let mark = ClaimMark(cluster: "c & \"d\"", workload: "web<1>", epoch: Epoch(12), definition: "9f\"0")

  @Test(arguments: [
    ("", "found nothing"), (" \n", "found nothing"), ("no XML", "nothing besides"), ("<domain>", "the end of the XML"),
    ("<domain><name>x</domain>", "line 1"), ("<domain>\n<a b=1/></domain>", "line 2"), ("<domain", "'>' at the end of a tag"),
    ("<domain a='1' a='2'/>", "found one twice"), ("<domain>&foo;</domain>", "one that is not declared"),
    ("<domain><a:b/></domain>", "namespace prefix"), ("<domain/><domain/>", "nothing besides"), ("</domain>", "line 1"),
    ("<domain>\u{1}</domain>", "a character that XML does not allow"), ("<domain a></domain>", "name='value'"),
    ("<domain a='b></domain>", "line 1"), ("<domain><!-- </domain>", "line 1"), ("<network/>", "found <network>"),
    ("<domain><?p?></domain>", "processing instructions"), ("<?x y?><domain/>", "processing instructions"),
    ("<?xml-stylesheet?><domain/>", "processing instructions"), ("<domain><!-- --><?p?></domain>", "processing instructions"),
    ("<domain><a><![CDATA[x]]></a><?p?></domain>", "processing instructions"), ("<domain><![CDATA[<?p?></domain>", "line 1"),
    ("<!-- <?p?> --><!DOCTYPE domain><domain/>", "document type"), ("<domain><!DOCTYPE domain></domain>", "line 1"),
    ("<domain>" + String(repeating: "<a>", count: 300), "at most 256 deep"),
    ("<!DOCTYPE domain [<!ENTITY a SYSTEM '/etc/passwd'>]><domain>&a;</domain>", "document type")
  ]) func `what is not a domain's XML is refused with its place and reason`(text: String, reason: String) throws {
    let error = #expect(throws: DomainDocumentError.self) { try DomainDocument(text) }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  @Test func `an outline has what stands where libvirt looks for it, as written`() throws {
    let (outline, flaw) = DomainOutline.read(
      """
      <?xml version="1.0"?>
      <!-- <uuid>not this</uuid> -->
      <domain type='lxc' id="7"><metadata><x:y xmlns:x="u"><uuid>nor this</uuid></x:y></metadata>
        <name>web1</name><uuid> A<![CDATA[BC]]> </uuid><memory
          unit='MiB'>5</memory>
        <devices><interface type='a'/><memory>9</memory><interface type='b'><a/></interface></devices>
        <os><type arch='x86_64'>exe</type></os></domain>

      """)
    #expect(flaw == nil)
    #expect((outline?.type, outline?.uuid) == ("lxc", "ABC"))
    #expect(outline?.place == DomainOutline.Place(line: 3, column: 1))
    #expect(outline?.elements.map(\.kind) == [.uuid, .memory, .interface, .interface])
    #expect(outline?.elements[1].place == DomainOutline.Place(line: 4, column: 50))
    #expect(outline?.elements[1].attributes == ["unit": "MiB"])
  }

  @Test(arguments: [
    "<!-- <?p?> <!DOCTYPE x> --><domain/>", "<domain><!-- <?p?> --></domain>", "<domain/><!-- <?p?> -->",
    "<domain><a><![CDATA[<?p?><!DOCTYPE x>]]></a></domain>", "<domain><a><![CDATA[]]><!-- ]]> <?p?> --></a></domain>",
    "<domain><a b='--> ]]> ?>'/></domain>"
  ]) func `comments and CDATA hold no processing instructions and no document type`(text: String) throws {
    #expect(DomainOutline.read(text).flaw == nil)
    #expect(try DomainDocument(text).text.contains("<domain"))
  }

  @Test(arguments: ["06-namespaced-cdata", "10-lxc-macvlan-names", "11-dump-of-a-running-one", "foreign-lxc"])
  func `what libvirt takes is read, and nothing of it is lost`(name: String) throws {
    let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Domains")
    let text = try String(contentsOf: directory.appending(path: "\(name).xml"), encoding: .utf8)
    #expect(DomainOutline.read(text).flaw == nil)
    let document = try DomainDocument(text)
    let (memory, vcpus) = (document.memory, document.vcpus)
    document.set(name: "other", uuid: "6a0f2c57-1be4-4f0c-9a77-3d5b8a1c0eff")
    try document.set(mark: Self.mark)
    let read = try DomainDocument(document.text)
    #expect(read.mark == Self.mark)
    #expect((read.memory, read.vcpus) == (memory, vcpus))
    for kept in ["№ 6 — 試験", "A&amp;B-6", "EXAMPLE_TRACE", "rack=", "<backingStore"] where text.contains(kept) {
      #expect(document.text.contains(kept), "\(document.text)")
    }
  }

  @Test(.timeLimit(.minutes(1))) func `forty thousand interfaces on one line are read at once, each in its place`() throws {
    let count = 40_000
    let text = "<domain><devices>é" + String(repeating: "<interface/>", count: count) + "</devices></domain>"
    let outline = try #require(DomainOutline.read(text).outline)
    let columns = outline.elements.map(\.place.column)
    #expect(columns == (0..<count).map { 19 + 12 * $0 })
    #expect(try DomainDocument(text).links.isEmpty)
  }

  @Test func `a place is that of the tag itself, whatever else of its name is on the line`() throws {
    let text =
      "<domain><!-- <uuid> --><uuid>1</uuid><metadata><memory/><![CDATA[<memory>]]></metadata><memory a='/'>9</memory><memory\n b='1'>"
      + "8</memory></domain>"
    let outline = try #require(DomainOutline.read(text).outline)
    #expect(outline.elements.map(\.kind) == [.uuid, .memory, .memory])
    #expect(outline.elements.map(\.place.column) == [24, 88, 112])
  }

  @Test(arguments: [
    ("<domain/>", 0), ("<domain><devices><interface type='a'/></devices></domain>", 0),
    ("<domain><devices>\n<interface\ntype='a'>\n<mac/></interface><interface/></devices></domain>", 0),
    ("<domain><devices><interface\ttype='a'></interface><interfaces/><interface></interface></devices></domain>", 0),
    ("<domain><!-- <interface type='a'/> --><interface/><devices><interface type='b'/></devices></domain>", 2)
  ]) func `the core counts no fewer interfaces than there are`(text: String, excess: Int) throws {
    let outline = try #require(DomainOutline.read(text).outline)
    let spec = SpecRecord(
      connection: "lxc:///system", uuid: "", xml: text, demand: Resources(memory: 1, cpus: 1), labels: [:], priority: 0,
      isolation: .freeze, stopTimeout: 1)
    #expect(spec.interfaces == outline.elements.count { $0.kind == .interface } + excess)
  }

  @Test func `name, UUID, partition and mark replace what was there`() throws {
    let document = try DomainDocument(
      """
      <domain type='lxc' id='3'><name>old</name><uuid>1</uuid>
        <metadata><a:b xmlns:a="urn:a">kept</a:b>\(Self.element(epoch: 3))\(Self.element(epoch: 4))</metadata>
        <resource><partition>/machine</partition><fibrechannel appid='x'/></resource>
      </domain>
      """)
    document.set(name: "new", uuid: "2")
    document.set(partition: "/holdfast/freeze")
    try document.set(mark: Self.mark)
    let text = document.text
    #expect(text.contains("<name>new</name>"))
    #expect(!text.contains("id=\"3\""))
    #expect(text.contains("kept"))
    #expect(text.contains("fibrechannel"))
    #expect(text.components(separatedBy: "holdfast:claim").count <= 3, "one element, with a start and at most one end tag")
    let read = try DomainDocument(text)
    #expect(read.uuid == "2")
    #expect(read.partition == "/holdfast/freeze")
    #expect(read.mark == Self.mark && read.mark?.definition == Self.mark.definition)
    read.removeMark()
    #expect(read.mark == nil)
    #expect(read.text.contains("kept"))
  }

  @Test func `what was missing is added`() throws {
    let document = try DomainDocument("<domain type='lxc'><os><type>exe</type></os></domain>")
    document.set(name: "new", uuid: "2")
    document.set(partition: "/p")
    try document.set(mark: Self.mark)
    document.set(environment: [("HOLDFAST_NODE", "n<1>")])
    document.set(environment: [("HOLDFAST_NODE", "n<2>")])
    let read = try DomainDocument(document.text)
    #expect((read.uuid, read.partition, read.mark) == ("2", "/p", Self.mark))
    #expect(read.text.contains("<initenv name=\"HOLDFAST_NODE\">n&lt;2&gt;</initenv>"))
    #expect(!read.text.contains("n&lt;1&gt;"))
    read.removeEnvironment(DomainDocument.environmentNames)
    #expect(!read.text.contains("initenv"))
  }

  @Test func `everything else stays as it was`() throws {
    let kept = [
      "<qemu:arg value=\"-a &lt;b&gt; &amp;\"", "xmlns:qemu=\"http://libvirt.org/schemas/domain/qemu/1.0\"",
      "<!-- a comment -->",
      "ü and 日本", "<description>two\n  lines</description>"
    ]
    let document = try DomainDocument(
      """
      <domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>x</name><!-- a comment -->
        <title>ü and 日本</title><description>two
        lines</description>
        <qemu:commandline><qemu:arg value='-a &lt;b> &amp;'/></qemu:commandline>
      </domain>
      """)
    document.set(name: "x", uuid: "2")
    for part in kept { #expect(document.text.contains(part), "\(document.text)") }
  }

  @Test func `links get names in the order of the interfaces that have none`() throws {
    let document = try DomainDocument(
      """
      <domain><devices>
        <interface type='bridge'><source bridge='br0'/></interface>
        <interface type='bridge'><target dev='mine'/></interface>
        <interface type='user'/>
        <interface type='network'><target dev='vnet3'/></interface>
        <interface type='ethernet'><target managed='no'/></interface>
        <interface type='direct'/>
      </devices></domain>
      """)
    #expect(document.links == ["mine", "vnet3"])
    document.set(links: ["a0", "a1", "a2", "a3", "a4"])
    // The user network has no link on the host; libvirt's own name is no name.
    #expect(document.links == ["a0", "mine", "a2", "a3", "a4"])
    #expect(document.text.contains("managed=\"no\""))
  }

  @Test(arguments: [
    ("<memory unit='KiB'>32768</memory>", 32), ("<memory>1025</memory>", 2), ("<memory unit='GiB'> 2 </memory>", 2048),
    ("<memory unit='b'>1</memory>", 1), ("<memory unit='TiB'>9223372036854775807</memory>", 0), ("", 0)
  ]) func `memory is read in MiB, rounded up`(element: String, expected: Int) throws {
    #expect(try DomainDocument("<domain>\(element)</domain>").memory == expected)
  }

  @Test(arguments: ["epoch='x'", "epoch='3' cluster='c'", "cluster='c' workload='w'"])
  func `a claim that cannot be read is no mark`(attributes: String) throws {
    let claim = "<h:claim xmlns:h='https://holdfast.dev/domain/1' \(attributes)/>"
    #expect(try DomainDocument("<domain><metadata>\(claim)</metadata></domain>").mark == nil)
  }

  private static func element(epoch: Int) -> String {
    "<h:claim xmlns:h='https://holdfast.dev/domain/1' cluster='c' workload='w' epoch='\(epoch)'/>"
  }
}
