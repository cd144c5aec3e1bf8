import AsyncHTTPClient
import FoundationEssentials
import HealthProbes
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import HoldfastYAML
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// Gives one notice to one receiver, once, within the receiver's time limit.
package struct NoticeSender: Sendable {
  /// An executable that does not heed the order to end is killed so much later.
  private static let grace: Duration = .seconds(2)
  /// Bytes of a webhook's answer that are logged.
  private static let mostAnswer = 200
  /// Seconds for a connection to a webhook.
  private static let connectLimit: Int64 = 10

  /// Never shut down, for the program ends with it; made when the first webhook is called.
  private static let http: HTTPClient = {
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    // A receiver that does not answer is told of at once, and tried again by the outbox.
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.timeout.connect = .seconds(connectLimit)
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }()

  /// A file system that hangs holds up webhooks that have a secret, and nobody else.
  private static let files: NIOThreadPool = {
    let threads = NIOThreadPool(numberOfThreads: 1)
    threads.start()
    return threads
  }()

  /// Of each receiver its own: one that hangs in the kernel keeps no other from being run.
  private let commands: [String: CommandProber]
  private let sendmail: String
  private let logger: Logger

  /// - Parameter sendmail: the program of this host's mail system.
  package init(_ receivers: [NoticeReceiver], sendmail: String = NoticeMail.program, logger: Logger) {
    commands = Dictionary(
      receivers.map { ($0.identity, CommandProber(atOnce: 1, of: "'\($0)'")) }, uniquingKeysWith: { first, _ in first })
    self.sendmail = sendmail
    self.logger = logger
  }

  package func deliver(_ notice: Notice, to receiver: NoticeReceiver) async -> Outbox.Ending {
    let body: [UInt8]
    do { body = try notice.json() } catch { return .failed(reason: "the document cannot be written: \(error)") }
    let end = ContinuousClock.now + receiver.timeout
    switch receiver.route {
    case .run(let path):
      return await run([path], notice.variables, .init(input: body, grace: Self.grace), notice, receiver, until: end)
    case .mail(let address):
      // What a mail system leaves behind delivers the message.
      return await run(
        [sendmail, "-t", "-i"], [:], .init(input: NoticeMail.message(notice, to: address), endsRest: false), notice, receiver,
        until: end)
    case .webhook(let url, let secretFile):
      let called = await race(until: end) { try await Self.call(url, secretFile, notice.id, body, within: receiver.timeout) }
      return switch called {
      case nil: .failed(reason: "it did not answer within \(Self.time(receiver))")
      case .success(let ending): ending
      case .failure(let error): .failed(reason: InWords.oneLine("\(error)"))
      }
    }
  }

  // MARK: executables

  private func run(
    _ command: [String], _ variables: [String: String], _ terms: CommandProber.Terms, _ notice: Notice,
    _ receiver: NoticeReceiver, until end: ContinuousClock.Instant
  ) async -> Outbox.Ending {
    guard let commands = commands[receiver.identity] else { return .failed(reason: "it is no receiver") }
    switch await commands.run(command, variables: variables, terms, until: end) {
    case .exited(0, let output):
      if !output.isEmpty {
        logger.info("a receiver of notices says", metadata: ["to": "\(receiver)", "id": "\(notice.id)", "output": "\(output)"])
      }
      return .delivered
    case .exited(let status, let output):
      return .failed(reason: "it ends with status \(status)\(output.isEmpty ? "" : ": \(output)")")
    case .signalled(let signal): return .failed(reason: "it was ended by signal \(signal)")
    case .notStarted(let reason): return .failed(reason: "it cannot be run: \(reason)")
    case .timedOut: return .failed(reason: "it did not end within \(Self.time(receiver)), and was ended")
    }
  }

  private static func time(_ receiver: NoticeReceiver) -> String { "\(InWords.number(receiver.timeout.inSeconds)) s" }

  // MARK: webhooks

  private static func call(_ url: String, _ secretFile: String?, _ id: String, _ body: [UInt8], within limit: Duration)
    async throws -> Outbox.Ending
  {
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    request.headers = ["Content-Type": "application/json", "User-Agent": "holdfast", "Holdfast-Notice": id]
    if let secretFile {
      let secret: String
      do {
        // Read each time, so that a new one needs no restart.
        secret = try await files.runIfActive { try PasswordFile.read(secretFile) }
      } catch {
        let reason = (error as? RegularFile.Problem)?.found ?? "\(error)"
        return .failed(reason: "the secret in \(secretFile) cannot be read: \(reason)")
      }
      let signature = WebhookSignature(body, secret: secret, at: wallTime() / 1000)
      request.headers.add(name: "Holdfast-Timestamp", value: "\(signature.timestamp)")
      request.headers.add(name: "Holdfast-Signature", value: signature.text)
    }
    request.body = .bytes(ByteBuffer(bytes: body))
    let response = try await http.execute(request, timeout: .nanoseconds(limit.wholeNanoseconds))
    if (200..<300).contains(response.status.code) { return .delivered }
    var answer = ""
    for try await part in response.body {
      answer = String(decoding: part.readableBytesView.prefix(mostAnswer), as: UTF8.self)
      break
    }
    let said = InWords.oneLine(answer)
    return .failed(reason: "it answers with status \(response.status.code)\(said.isEmpty ? "" : ": \(said)")")
  }
}
