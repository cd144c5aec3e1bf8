import HoldfastModel
import Testing

@Suite struct `Secrets in a domain's XML` {
  @Test(arguments: [
    ("<graphics type='vnc' port='-1' passwd='s3cret'/>", "<graphics type='vnc' port='-1' passwd='********'/>"),
    (
      "<graphics type='spice'\n  passwd = \"it's\" listen='::'/>",
      "<graphics type='spice'\n  passwd = \"********\" listen='::'/>"
    ),
    // A combining accent after the quote makes one character of the two.
    ("<graphics passwd='\u{301}x\u{301}'\u{301}/>", "<graphics passwd='********'\u{301}/>"),
    ("<a passwd='1'/><b password='2'/>", "<a passwd='********'/><b password='********'/>"),
    ("<cookies><cookie name='a'>x=1</cookie></cookies>", "<cookies><cookie name='a'>********</cookie></cookies>"),
    (
      "<a cookie='1'/><password>2</password><passwd x='y'>3</passwd>",
      "<a cookie='********'/><password>********</password><passwd x='y'>********</passwd>"
    ),
    ("<cookie name='a'><![CDATA[a<b]]></cookie>", "<cookie name='a'>********</cookie>"),
    (
      "<cookie name='a'>1\n2</cookie><cookie name='b'>3</cookie>",
      "<cookie name='a'>********</cookie><cookie name='b'>********</cookie>"
    )
  ])
  func `are masked`(xml: String, masked: String) {
    #expect(DomainSecrets.masked(xml) == masked)
    #expect(!DomainSecrets.areMasked(in: xml) && DomainSecrets.areMasked(in: masked))
    #expect(DomainSecrets.masked(masked) == masked)
  }

  /// As large as a definition may be, and made to be slow.
  @Test(
    .timeLimit(.minutes(1)),
    arguments: ["<cookie x>", "<cookie ", "</cookie", " passwd='", " passwd=\"a' ", "<cookie x></cookie>", " passwd = "])
  func `are found in one pass`(unit: String) {
    let xml = String(repeating: unit, count: 512 * 1024 / unit.count)
    #expect(DomainSecrets.masked(DomainSecrets.masked(xml)) == DomainSecrets.masked(xml))
  }

  /// What ends all that was begun stands at the end: it is not looked for from each beginning anew.
  @Test(.timeLimit(.minutes(1)), arguments: [("<cookie ", ">"), ("<cookie ", "></cookie>"), (" passwd='a' <cookie ", ">")])
  func `are found in one pass where one end serves many beginnings`(unit: String, end: String) {
    let xml = String(repeating: unit, count: 512 * 1024 / unit.count) + end
    #expect(DomainSecrets.masked(DomainSecrets.masked(xml)) == DomainSecrets.masked(xml))
  }

  @Test(arguments: [
    "<graphics type='vnc' passwd=''/>", "<graphics passwdValidTo='2026-01-01T00:00:00'/>",
    "<domain type='lxc'><name>passwd</name></domain>",
    "<auth username='x'><secret type='ceph' uuid='2ea73391-b188-5aa0-8529-6a19a1fb9e79'/></auth>", "<cookies></cookies>",
    "<cookie/><a/><cookies></cookies>", ""
  ])
  func `are not what is none`(xml: String) {
    #expect(DomainSecrets.masked(xml) == xml)
    #expect(!DomainSecrets.areMasked(in: xml))
  }
}
