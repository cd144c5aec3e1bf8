import HoldfastModel
import HoldfastNode
import HoldfastYAML
import Testing

@Suite struct `Receivers of notices in a configuration` {
  private func read(_ notices: String, hasMail: Bool = true) throws -> NodeConfiguration {
    let host = HostFacts(name: "h1", memory: 16_384, processors: 8, hasMail: hasMail)
    return try NodeConfiguration.parse(`A node's configuration`.minimal + "notices: \(notices)\n", file: "c.yaml", host: host)
  }

  private func mistakes(_ notices: String) -> [String] {
    do {
      _ = try read(notices)
      return []
    } catch {
      return (error as? ConfigurationErrors)?.mistakes.map(\.headline) ?? ["\(error)"]
    }
  }

  @Test func `are read with what they want`() throws {
    let receivers = try read(
      "[{mail: ops+night@example.net}, {webhook: 'https://h:8443/a?b=c', events: [node-lost, ended], timeout: 1m}, "
        + "{webhook: 'http://[::1]:9000', severity: info}]"
    ).receivers
    #expect(
      receivers == [
        NoticeReceiver(.mail(address: "ops+night@example.net"), severity: .warning),
        NoticeReceiver(
          .webhook(url: "https://h:8443/a?b=c", secretFile: nil), events: [.nodeLost, .ended], severity: .info,
          timeout: .seconds(60)),
        NoticeReceiver(.webhook(url: "http://[::1]:9000", secretFile: nil), severity: .info)
      ])
    #expect(try read("").receivers.isEmpty && read("[]").receivers.isEmpty)
  }

  @Test(arguments: [
    "ops", "@example.net", "ops@", "a@b@c", "a b@c", "-oQ/tmp@c", "a@-c", "a@c,b@c", "a@c>", "\"a@c\\nBcc: b@c\"", "schön@c",
    "<a@c>"
  ]) func `have no address that means something to a mail system`(address: String) {
    #expect(mistakes("[{mail: \(address)}]").count == 1, "\(mistakes("[{mail: \(address)}]"))")
  }

  @Test(arguments: [
    "http://h/a", "ftp://h/a", "h/a", "https://", "https://u:p@h/a", "https://h:0/a", "https://h:x/a", "https://h/a#b",
    "https://h/\\u00E9", "http://127.0.0.1.example/a"
  ]) func `have no webhook elsewhere than at an https address`(url: String) {
    #expect(mistakes("[{webhook: \"\(url)\"}]").count == 1, "\(mistakes("[{webhook: \"\(url)\"}]"))")
  }

  @Test func `are so many at most`() {
    let many = (0...NoticeReceiver.most).map { "{mail: a\($0)@c}" }
    #expect(mistakes("[\(many.dropLast().joined(separator: ", "))]").isEmpty)
    #expect(
      mistakes("[\(many.joined(separator: ", "))]") == ["c.yaml:4:10: error: notices: expected at most 16 receivers, found 17"])
  }

  @Test func `are told of a mail system that is not there, and the daemon starts all the same`() throws {
    #expect(
      try read("[{mail: a@c}]", hasMail: false).warnings.map(\.headline) == [
        "c.yaml:4:18: warning: notices[0].mail: expected a mail system on this host, found no /usr/sbin/sendmail"
      ])
    #expect(try read("[{mail: a@c}]").warnings.isEmpty)
  }

  @Test func `are shown without what may be secret`() throws {
    let settings = try read("[{webhook: 'https://h/services/T0/secret'}]").settings
    let shown = settings.first { $0.key == "notices" }?.value
    #expect(shown == "[{webhook: \"https://h/…\", severity: warning, timeout: 30s}]")
  }
}
