import Foundation
import HoldfastModel
import HoldfastNode
import HoldfastTime
import Logging
import MemoryStore
import Synchronization
import Testing

/// From a line of the history to its receivers, over files and processes as they are.
@Suite(.timeLimit(.minutes(3))) struct `The courier of notices` {
  /// Receivers that answer as they are told to, and keep what they took.
  private final class Post: Sendable {
    private let pages = Mutex<(taken: [String: [Notice]], refuses: Set<String>, hangs: Set<String>)>(([:], [], []))

    func refuse(_ receivers: Set<String>) { pages.withLock { $0.refuses = receivers } }
    func hang(_ receivers: Set<String>) { pages.withLock { $0.hangs = receivers } }
    func taken(_ receiver: String) -> [Notice] { pages.withLock { $0.taken[receiver] ?? [] } }

    func deliver(_ notice: Notice, to receiver: NoticeReceiver) async -> Outbox.Ending {
      let name = "\(receiver)"
      let (hangs, refuses) = pages.withLock { ($0.hangs.contains(name), $0.refuses.contains(name)) }
      // Until the courier ends.
      if hangs { try? await Task.sleep(for: .seconds(1000)) }
      if hangs || refuses { return .failed(reason: "no") }
      pages.withLock { $0.taken[name, default: []].append(notice) }
      return .delivered
    }
  }

  private static let one = NoticeReceiver(.run(path: "/one"), severity: .info)
  private static let two = NoticeReceiver(.run(path: "/two"), severity: .info)

  private static func note(_ text: String, _ workload: WorkloadName? = nil) -> Note {
    Note(.vanished, text, severity: .warning, workload: workload)
  }

  /// A courier that runs while `body` does, and the history that it takes from.
  private func running(
    _ receivers: [NoticeReceiver], in directory: String, log: RecordedLog = RecordedLog(),
    deliver: @escaping NoticeCourier.Deliver, tell: @escaping @Sendable (Note) -> Void = { _ in },
    _ body: (HistoryBook, NoticeCourier) async throws -> Void
  ) async throws {
    let (notes, told) = AsyncStream.makeStream(of: TimedNote.self)
    let history = HistoryBook(node: "h1", cluster: "lab", store: MemoryStore(), notes: told, logger: log.logger)
    let courier = NoticeCourier(
      node: "h1", cluster: "lab", receivers: receivers, notes: notes, file: OutboxFile(directory: directory), deliver: deliver,
      tell: tell, logger: log.logger)
    try await withThrowingTaskGroup { tasks in
      tasks.addTask { await courier.run() }
      try await body(history, courier)
      tasks.cancelAll()
    }
  }

  @Test func `tells what the history tells, once`() async throws {
    let scratch = try ScratchDirectory(), post = Post()
    try await running([Self.one, Self.two], in: scratch.path, deliver: { await post.deliver($0, to: $1) }) { history, courier in
      await history.write(Note(.nodeLost, "h3 is gone", severity: .error, subject: "h3"))
      await history.record(Self.note("is in the history alone"))
      for receiver in ["run /one", "run /two"] {
        #expect(await comes { post.taken(receiver).map(\.text) == ["h3 is gone"] })
        #expect(post.taken(receiver).first?.event == "node-lost" && post.taken(receiver).first?.subject == "h3")
      }
      await courier.flush(within: .seconds(20))
    }
    #expect(post.taken("run /one").map(\.id) == post.taken("run /two").map(\.id))
  }

  @Test func `tells what one event says of many workloads as one, and no loop again and again`() async throws {
    let scratch = try ScratchDirectory(), post = Post()
    try await running([Self.one], in: scratch.path, deliver: { await post.deliver($0, to: $1) }) { history, _ in
      for index in 0..<200 { await history.write(Self.note("w\(index) ended", WorkloadName("w\(index)"))) }
      #expect(await comes { post.taken("run /one").reduce(0) { $0 + ($1.times ?? 1) } == 200 })
      #expect(post.taken("run /one").count < 20)
      for _ in 0..<30 { await history.write(Self.note("db ended", "db")) }
      await history.write(Self.note("last", nil))
      #expect(await comes { post.taken("run /one").last?.text == "last" })
      #expect(post.taken("run /one").filter { $0.workload == "db" }.count == 3)
    }
  }

  @Test func `lets a receiver that hangs hold up no other`() async throws {
    let scratch = try ScratchDirectory(), post = Post()
    post.hang(["run /one"])
    try await running([Self.one, Self.two], in: scratch.path, deliver: { await post.deliver($0, to: $1) }) { history, _ in
      for text in ["first", "second"] { await history.write(Self.note(text)) }
      #expect(await comes { post.taken("run /two").map(\.text) == ["first", "second"] })
    }
    #expect(post.taken("run /one").isEmpty)
  }

  @Test func `tries a receiver again until it takes them`() async throws {
    let scratch = try ScratchDirectory(), log = RecordedLog()
    let path = try scratch.script("hook", "[ -e well ] || { echo not yet; exit 1; }; cat >>taken; echo >>taken")
    let receiver = NoticeReceiver(.run(path: path), severity: .info)
    let sender = NoticeSender([receiver], logger: log.logger)
    try await running([receiver], in: scratch.path, log: log, deliver: { await sender.deliver($0, to: $1) }) { history, _ in
      await history.write(Self.note("is told late"))
      #expect(await comes { log.lines.contains { $0["reason"] == "it ends with status 1: not yet" } })
      try scratch.write("well", "")
      #expect(await comes { scratch.lines("taken").count == 1 })
    }
  }

  // MARK: a restart

  @Test func `delivers after a restart what was not delivered before, under the same id`() async throws {
    let scratch = try ScratchDirectory(), post = Post()
    post.refuse(["run /one"])
    try await running([Self.one, Self.two], in: scratch.path, deliver: { await post.deliver($0, to: $1) }) { history, _ in
      await history.write(Self.note("was said before"))
      #expect(await comes { post.taken("run /two").count == 1 })
    }
    post.refuse([])
    try await running([Self.one, Self.two], in: scratch.path, deliver: { await post.deliver($0, to: $1) }) { history, _ in
      #expect(await comes { post.taken("run /one").map(\.text) == ["was said before"] })
      await history.write(Self.note("was said after"))
      #expect(await comes { post.taken("run /one").count == 2 && post.taken("run /two").count == 2 })
    }
    #expect(post.taken("run /one").map(\.id) == post.taken("run /two").map(\.id))
    #expect(Set(post.taken("run /one").map(\.id)).count == 2)
  }

  @Test func `delivers all the same with a file that cannot be read, and keeps that for people`() async throws {
    let scratch = try ScratchDirectory(), post = Post(), log = RecordedLog()
    try scratch.write("notices.json", "{")
    try await running([Self.one], in: scratch.path, log: log, deliver: { await post.deliver($0, to: $1) }) { history, _ in
      await history.write(Self.note("is told"))
      #expect(await comes { post.taken("run /one").count == 1 })
    }
    #expect(scratch.lines("notices.json.unreadable") == ["{"])
    #expect(log.lines.contains { $0["message"] == "the notices that waited cannot be read, and are lost" })
  }

  @Test func `delivers all the same where nothing can be kept`() async throws {
    let post = Post(), log = RecordedLog()
    try await running([Self.one], in: "/proc/nowhere", log: log, deliver: { await post.deliver($0, to: $1) }) { history, _ in
      await history.write(Self.note("is told"))
      #expect(await comes { post.taken("run /one").count == 1 })
    }
    #expect(log.lines.contains { $0["message"] == "notices that wait cannot be kept: a restart would lose them" })
  }

  // MARK: a full outbox

  @Test func `says in the log and in the history what it drops`() async throws {
    let scratch = try ScratchDirectory(), post = Post(), log = RecordedLog()
    post.refuse(["run /one"])
    var outbox = Outbox([Self.one])
    for serial in 1...Int64(Outbox.mostWaiting) { _ = outbox.receive(.post(.made(serial)), now: .zero) }
    let before = OutboxFile(directory: scratch.path), after = OutboxFile(directory: scratch.path)
    try await before.save(outbox.kept(now: .zero))
    await before.close()
    let sentence = "a notice was dropped, as 500 others wait for 'run /one'",
      (told, tell) = AsyncStream.makeStream(of: Note.self)
    try await running(
      [Self.one], in: scratch.path, log: log, deliver: { await post.deliver($0, to: $1) }, tell: { tell.yield($0) }
    ) { history, _ in
      await history.write(Self.note("is one too many"))
      #expect(await comes { log.lines.contains { $0["message"] == sentence } })
    }
    tell.finish()
    #expect(await told.reduce(into: []) { $0.append($1.text) } == [sentence])
    guard case .kept(let kept) = try await after.load() else { throw FileNotKept() }
    await after.close()
    #expect(kept.lines.first?.letters.count == Outbox.mostWaiting)
  }

  private struct FileNotKept: Error {}
}

/// `Docs/notices.md` and `Docs/notice.schema.json` against what is sent.
@Suite struct `The documentation of notices` {
  @Test func `has every event`() throws {
    let page = try repositoryFile("Docs/notices.md")
    #expect(page.contains("\n\(NoticeEvent.markdown)\n"), "the table must be:\n\(NoticeEvent.markdown)\n")
    let schema = try APISchema("Docs/notice.schema.json")
    let events = schema.definitions["Notice"]?["properties"]?["event"]?["enum"]?.list.compactMap(\.text)
    #expect(events == NoticeEvent.allCases.map(\.rawValue))
  }

  @Test func `has the fields of the document, and no others`() throws {
    let schema = try APISchema("Docs/notice.schema.json")
    for isLeast in [false, true] {
      let example = schema.example(of: "Notice", turn: 0, isLeast: isLeast)
      let notice = try JSONDecoder().decode(Notice.self, from: JSONEncoder().encode(example))
      #expect(try JSONDecoder().decode(JSONValue.self, from: Data(notice.json())) == example)
    }
    let page = try repositoryFile("Docs/notices.md")
    let table = try #require(page.components(separatedBy: "\n## The document\n").last?.components(separatedBy: "\n## ").first)
    let told = table.split(separator: "\n").filter { $0.hasPrefix("| `") }.flatMap { row in
      row.split(separator: "|")[0].matches(of: #/`(\w+)`/#).map { String($0.1) }
    }
    #expect(told.sorted() == schema.fieldNames(of: "Notice").sorted())
  }

  @Test func `shows a notice as it is`() throws {
    let page = try repositoryFile("Docs/notices.md")
    let shown = try #require(page.components(separatedBy: "```json\n").last?.components(separatedBy: "\n```").first)
    let notice = try JSONDecoder().decode(Notice.self, from: Data(shown.utf8))
    #expect(String(decoding: try notice.json(), as: UTF8.self) == shown)
    #expect(
      try APISchema("Docs/notice.schema.json").flaws(JSONDecoder().decode(JSONValue.self, from: Data(shown.utf8)), as: "Notice")
        == [])
  }
}
