import HoldfastModel
import Testing

/// A domain's XML as a tree, read without libxml2.
@Suite struct `A domain's elements` {
  private static func written(_ element: DomainElement) -> String {
    let attributes = element.attributes.map { " \($0.name)=\($0.value)" }.joined()
    return "\(element.name)\(attributes)(\(element.text))"
      + (element.children.isEmpty ? "" : "[\(element.children.map(written).joined())]")
  }

  @Test(arguments: [
    ("<a/>", "a()"), ("<?xml version='1.0'?>\n<!-- x --><a b='1'> t &amp; u </a>", "a b=1(t & u)"),
    ("<a><b c = \"&quot;x'\" d='>'/> <e>f</e></a>", "a()[b c=\"x' d=>()e(f)]"),
    ("<x:a xmlns:x='u'><x:b/></x:a>", "a xmlns:x=u()[b()]"),
    // What is not whole: what was closed is found, and so are the root and its parts.
    ("<a><b><c>1</c><d><e", "a()[b()[c(1)]]"), ("<a", "a()"), ("</a><b/>", "b()"), ("<a></b></c>", "a()"), ("<a/><b/>", "a()")
  ])
  func `are what is written`(xml: String, tree: String) throws {
    #expect(Self.written(try #require(DomainElement(of: xml))) == tree)
  }

  @Test(arguments: ["", "<", "text", "</a>", "<!-- <a/> -->"]) func `are none where there is none`(xml: String) {
    #expect(DomainElement(of: xml) == nil)
  }

  /// What somebody wrote into the store must not take the stack.
  @Test func `are bounded in depth`() throws {
    let deep = String(repeating: "<a>", count: 100_000)
    let root = try #require(DomainElement(of: "<r><p>\(deep)\(deep.replacing("<", with: "</"))</p><q/></r>"))
    #expect(root.children.map(\.name) == ["p", "q"])
    var depth = 1, element = root
    while let next = element.children.first {
      (element, depth) = (next, depth + 1)
    }
    #expect(depth == 256)
    #expect(DomainElement(of: deep) != nil)
  }

  @Test(arguments: [
    ("http", "name='S' port='80'", "S", nil), ("http", "name='S'", "S", nil), ("nbd", "name='s' port='10810'", "s", "10810"),
    ("rbd", "name='m' port='6789'", "m", "6789"), ("nbd", "name='s' port='0'", "s", nil)
  ])
  func `name a disk's servers, with the port where it is not the usual one`(
    scheme: String, host: String, name: String, port: String?
  ) throws {
    let source = try #require(DomainElement(of: "<source protocol='\(scheme)'><host \(host)/></source>"))
    let servers = source.servers(of: scheme)
    #expect(servers.map(\.name) == [name] && servers.map(\.port) == [port])
  }

  @Test(arguments: [
    ("<mac address='52:54:00:AB:1:2'/>", "52:54:00:ab:01:02"), ("<mac address='52:54:00:ab:01:02'/>", "52:54:00:ab:01:02"),
    ("<mac/>", nil), ("", nil)
  ])
  func `name an address in one way of writing it`(mac: String, address: String?) throws {
    #expect(try #require(DomainElement(of: "<interface>\(mac)</interface>")).macAddress == address)
  }

  @Test func `of two disks that come by HTTP name one port, written or not`() throws {
    func disk(_ host: String) throws -> Belonging {
      let source = "<source protocol='http' name='a.img'><host name='s'\(host)/></source>"
      return try #require(
        DomainBelongings(of: "<domain><devices><disk type='network'>\(source)</disk></devices></domain>").owned.first)
    }
    #expect(try disk("").marks == disk(" port='80'").marks)
    #expect(try disk("").marks != disk(" port='81'").marks)
  }
}
