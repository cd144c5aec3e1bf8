import Foundation
import Glibc
import HoldfastModel
import HoldfastNode
import Logging
import NIOHTTP1
import Testing

/// Real executables, a real HTTP server, and a script in place of a mail system.
@Suite(.timeLimit(.minutes(3))) struct `A notice is delivered` {
  private static let logger = RecordedLog().logger

  private func deliver(_ notice: Notice = .made(), to receiver: NoticeReceiver, sendmail: String = "/nowhere") async
    -> Outbox.Ending
  {
    await NoticeSender([receiver], sendmail: sendmail, logger: Self.logger).deliver(notice, to: receiver)
  }

  /// One that has the time that a busy host takes.
  private static func patient(_ route: NoticeReceiver.Route) -> NoticeReceiver {
    NoticeReceiver(route, timeout: .seconds(120))
  }

  private static func reason(_ ending: Outbox.Ending) -> String { if case .failed(let reason) = ending { reason } else { "" } }

  // MARK: executables

  @Test func `to an executable on its standard input, with the main fields in its environment`() async throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.script("hook", "cat >document; env | sort >environment")
    #expect(await deliver(to: Self.patient(.run(path: path))) == .delivered)
    let document = try Data(contentsOf: URL(filePath: "\(scratch.path)/document"))
    #expect(try JSONDecoder().decode(Notice.self, from: document) == .made())
    let told = scratch.lines("environment").filter { $0.hasPrefix("HOLDFAST_") }
    #expect(
      told == [
        "HOLDFAST_CLUSTER=lab", "HOLDFAST_EVENT=node-lost", "HOLDFAST_ID=h1-s-1", "HOLDFAST_NODE=h1", "HOLDFAST_SEVERITY=error",
        "HOLDFAST_SUBJECT=h3", "HOLDFAST_TEXT=h3 is gone", "HOLDFAST_TIME=2026-03-01T02:14:07.250Z", "HOLDFAST_WORKLOAD="
      ])
  }

  @Test(arguments: [
    ("exit 0", "", true), ("head -c 5000000 /dev/zero | tr '\\0' x", "", true),
    ("echo full >&2; exit 3", "status 3: full", false),
    ("kill -9 $$", "signal 9", false), ("nosuchcommand", "status 127", false)
  ]) func `to an executable if that says so by its status`(body: String, reason: String, isTaken: Bool) async throws {
    let scratch = try ScratchDirectory()
    let ending = await deliver(to: Self.patient(.run(path: try scratch.script("hook", body))))
    #expect((ending == .delivered) == isTaken)
    #expect(isTaken || Self.reason(ending).contains(reason), "\(ending)")
  }

  @Test func `to no executable that is not there`() async throws {
    #expect(Self.reason(await deliver(to: Self.patient(.run(path: "/nowhere")))).contains("status 127"))
  }

  /// What heeds an order to end, what does not, and what has others below it.
  @Test(arguments: [
    "trap 'echo told >told; exit 0' TERM; echo $$ >pid; while :; do sleep 0.1; done", "trap '' TERM; echo $$ >pid; sleep 1000",
    "(trap '' TERM; echo $(sh -c 'echo $PPID') >pid; sleep 1000) & wait"
  ]) func `to no executable that hangs, and nothing is left of that`(body: String) async throws {
    let scratch = try ScratchDirectory()
    let receiver = NoticeReceiver(.run(path: try scratch.script("hook", body)), timeout: .seconds(2))
    let words = body.contains("told") ? ["told"] : []
    // A host may be so busy that it does not even begin in that time, or begins so late that it hears of no end before it is killed.
    for _ in 1...10 where scratch.lines("pid").isEmpty || scratch.lines("told") != words {
      #expect(Self.reason(await deliver(to: receiver)) == "it did not end within 2 s, and was ended")
    }
    let process = try #require(scratch.lines("pid").last.flatMap { pid_t($0) })
    #expect(await comes { kill(process, 0) != 0 })
    #expect(scratch.lines("told") == words)
  }

  // MARK: webhooks

  @Test func `to a webhook, with its id and a signature`() async throws {
    let server = try await LoopbackServer([.noContent]), scratch = try ScratchDirectory()
    let secret = try scratch.write("secret", "It's a secret\nnot this\n")
    #expect(await deliver(to: Self.patient(.webhook(url: server.url, secretFile: secret))) == .delivered)
    let request = try #require(server.requests.first), headers = request.head.headers
    #expect(request.head.method == .POST && request.head.uri == "/hook")
    #expect(try JSONDecoder().decode(Notice.self, from: Data(request.body)) == .made())
    #expect(headers["Content-Type"] == ["application/json"] && headers["Holdfast-Notice"] == ["h1-s-1"])
    let time = try #require(headers.first(name: "Holdfast-Timestamp").flatMap { Int64($0) })
    #expect(abs(Date().timeIntervalSince1970 - Double(time)) < 60)
    #expect(
      headers["Holdfast-Signature"] == [WebhookSignature(request.body, secret: "It's a secret", at: time).text])
    await server.close()
  }

  /// As `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key` says.
  @Test func `with a signature that others make as well`() {
    #expect(
      WebhookSignature(Array("{\"a\":1}".utf8), secret: "key", at: 1_700_000_000).text
        == "sha256=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03")
  }

  @Test func `to a webhook without a secret, unsigned`() async throws {
    let server = try await LoopbackServer([.ok])
    #expect(await deliver(to: Self.patient(.webhook(url: server.url, secretFile: nil))) == .delivered)
    #expect(server.requests.first?.head.headers.contains(name: "Holdfast-Signature") == false)
    await server.close()
  }

  @Test(arguments: [
    HTTPResponseStatus.movedPermanently, .temporaryRedirect, .badRequest, .unauthorized, .gone, .internalServerError
  ]) func `to no webhook that answers otherwise, and no redirection is followed`(status: HTTPResponseStatus) async throws {
    let server = try await LoopbackServer([status])
    let ending = await deliver(to: Self.patient(.webhook(url: server.url, secretFile: nil)))
    #expect(Self.reason(ending) == "it answers with status \(status.code): well")
    #expect(server.requests.count == 1)
    await server.close()
  }

  @Test func `to no webhook that hangs, or is not there, or whose secret is not`() async throws {
    let server = try await LoopbackServer([nil])
    let hanging = NoticeReceiver(.webhook(url: server.url, secretFile: nil), timeout: .seconds(1))
    let began = ContinuousClock.now, ending = await deliver(to: hanging)
    #expect(!Self.reason(ending).isEmpty && ContinuousClock.now - began < .seconds(30), "\(ending)")
    let locked = await deliver(to: Self.patient(.webhook(url: server.url, secretFile: "/nowhere")))
    #expect(Self.reason(locked) == "the secret in /nowhere cannot be read: no such file")
    #expect(server.requests.count == 1)
    await server.close()
    let gone = await deliver(to: Self.patient(.webhook(url: server.url, secretFile: nil)))
    #expect(!Self.reason(gone).isEmpty)
  }

  // MARK: mail

  private func mail(_ notice: Notice) async throws -> [String] {
    let scratch = try ScratchDirectory()
    let sendmail = try scratch.script("sendmail", "echo \"$*\" >arguments; cat >message")
    #expect(await deliver(notice, to: Self.patient(.mail(address: "ops@example.net")), sendmail: sendmail) == .delivered)
    #expect(scratch.lines("arguments") == ["-t -i"])
    return try String(contentsOfFile: "\(scratch.path)/message", encoding: .utf8).components(separatedBy: "\n")
  }

  @Test func `by mail`() async throws {
    #expect(
      try await mail(.made(7, .started, .info, text: "web1 runs on h1", workload: "web1", subject: nil)) == [
        "To: ops@example.net", "Subject: [lab] started: web1 runs on h1", "Message-ID: <h1-s-7@lab>",
        "Auto-Submitted: auto-generated", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit", "", "web1 runs on h1", "", "event: started", "severity: info", "cluster: lab",
        "told by: h1", "time: 2026-03-01T02:14:07.250Z", "workload: web1", "id: h1-s-7", "", "More: holdfast workload web1", ""
      ])
  }

  @Test func `by mail, and what others wrote begins no header`() async throws {
    let text = "a\r\nBcc: all@example.net\n\nschön " + String(repeating: "long ", count: 500)
    let lines = try await mail(.made(1, .unreadable, .error, text: text))
    let headers = lines.prefix { !$0.isEmpty }
    #expect(headers.count == 7 && !headers.contains { $0.hasPrefix("Bcc") })
    #expect(headers[1].hasPrefix("Subject: [lab] unreadable: a Bcc: all@example.net sch?n long") && headers[1].count < 200)
    #expect(lines.dropFirst(8).first?.hasPrefix("a Bcc: all@example.net schön") == true)
    #expect(lines.allSatisfy { $0.count <= 200 })
  }

  /// A mail system may deliver what it took after the program has ended.
  @Test func `by mail, and what that leaves behind goes on`() async throws {
    let scratch = try ScratchDirectory()
    let sendmail = try scratch.script("sendmail", "(sleep 0.5; echo delivered >later) >/dev/null 2>&1 & exit 0")
    #expect(await deliver(to: Self.patient(.mail(address: "root@h1")), sendmail: sendmail) == .delivered)
    #expect(await comes { scratch.lines("later") == ["delivered"] })
  }

  @Test func `by no mail system that is away or refuses`() async throws {
    let scratch = try ScratchDirectory(), receiver = Self.patient(.mail(address: "root@h1"))
    #expect(Self.reason(await deliver(to: receiver)).contains("status 127"))
    let refusing = try scratch.script("sendmail", "echo no such mailbox; exit 67")
    #expect(await deliver(to: receiver, sendmail: refusing) == .failed(reason: "it ends with status 67: no such mailbox"))
  }
}
