import Foundation
import Glibc
import GuardCore
import HoldfastModel
import HoldfastNode
import HoldfastPlanning
import HoldfastTime
import Testing

/// Real executables, and a libvirt that keeps what it was asked for.
@Suite(.timeLimit(.minutes(3))) struct `A hook` {
  /// One that has the time that a busy host takes.
  private static let patience: Duration = .seconds(60)

  private static func before(_ act: Hook.Act, _ path: String, _ onFailure: Hook.OnFailure = .refuse) -> Hook {
    Hook(path, before: [act], timeout: patience, onFailure: onFailure)
  }

  /// The process that a script wrote down; nil: it has not begun.
  private static func process(_ scratch: ScratchDirectory) -> pid_t? { scratch.lines("pid").first.flatMap { pid_t($0) } }

  // MARK: before a start

  @Test(
    arguments: [
      ("exit 0", nil), ("echo 'no key' >&2; exit 1", "refused: no key"), ("exit 3", "refused, with status 3"),
      ("kill -9 $$", "was ended by signal 9"), ("echo one; echo two; exit 2", "refused: one two"),
      ("exit 127", "cannot be run: it ends with status 127")
    ] as [(String, String?)])
  func `refuses a start by its status, or is ignored`(body: String, words: String?) async throws {
    let scratch = try ScratchDirectory(), path = try scratch.script("hook", body)
    let strict = HookedNode([Self.before(.start, path)])
    #expect(await strict.start() == (words.map { .failed(reason: "the hook \(path) \($0)") } ?? .done))
    #expect(strict.libvirt.calls == (words == nil ? ["start db-1"] : []))
    #expect(strict.log.lines.contains { $0["reason"] == words.map { "the hook \(path) \($0)" } } == (words != nil))
    let lax = HookedNode([Self.before(.start, path, .ignore)])
    #expect(await lax.start() == .done)
    #expect(lax.libvirt.calls == ["start db-1"])
  }

  @Test func `that is not there refuses`() async {
    let node = HookedNode([Self.before(.start, "/nowhere")])
    guard case .failed(let reason) = await node.start() else {
      Issue.record("it was started")
      return
    }
    #expect(reason.hasPrefix("the hook /nowhere cannot be run: "))
    #expect(node.libvirt.calls.isEmpty)
  }

  @Test func `that hangs is killed, with what it has started`() async throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.script("hook", "(echo $(sh -c 'echo $PPID') >pid; sleep 1000) & wait")
    let node = HookedNode([Hook(path, before: [.start], timeout: .seconds(2))])
    // A host may be so busy that it does not even begin in that time.
    repeat {
      #expect(await node.start() == .failed(reason: "the hook \(path) did not end in its time, and was killed"))
    } while Self.process(scratch) == nil
    let process = try #require(Self.process(scratch))
    #expect(await comes { kill(process, 0) != 0 })
    #expect(node.libvirt.calls.isEmpty)
  }

  @Test func `is asked in the order of the file, until one refuses`() async throws {
    let scratch = try ScratchDirectory()
    let hooks = try [("one", 0), ("two", 1), ("three", 0)].map { name, status in
      Self.before(.start, try scratch.script(name, "echo \(name) >>asked; exit \(status)"))
    }
    let node = HookedNode(hooks)
    #expect(await node.start() == .failed(reason: "the hook \(scratch.path)/two refused, with status 1"))
    #expect(scratch.lines("asked") == ["one", "two"])
  }

  @Test(arguments: [("db-*", true), ("web-*", false), ("tier=db", true), ("all and not tier=db", false), ("db-1 or x", true)])
  func `is asked about the workloads that it names`(selection: String, isAsked: Bool) async throws {
    var view = ClusterView()
    view.apply([.put(.spec("db-1"), .spec(.made(labels: ["tier": "db"])))], committed: Revision(1))
    let hook = Hook("/nowhere", before: [.start], workloads: try Selection(parsing: selection), timeout: Self.patience)
    let node = HookedNode([hook], view: view)
    #expect(await node.start() != .done || !isAsked)
    #expect(node.libvirt.calls.isEmpty == isAsked)
  }

  @Test func `reads what it is asked about, and has the main fields in its environment`() async throws {
    let scratch = try ScratchDirectory()
    var view = ClusterView()
    view.apply([.put(.spec("db-1"), .spec(.made(labels: ["tier": "db"])))], committed: Revision(1))
    let path = try scratch.script("hook", "cat >document; env | sort >environment")
    #expect(await HookedNode([Self.before(.start, path)], view: view).start() == .done)
    let bytes = try Data(contentsOf: URL(filePath: "\(scratch.path)/document"))
    let document = try JSONDecoder().decode(HookDocument.self, from: bytes)
    #expect((document.hook, document.cluster, document.node) == ("before-start", "lab", "h1"))
    #expect((document.workload, document.labels, document.epoch) == ("db-1", ["tier": "db"], 7))
    #expect((document.connection, document.uuid) == ("lxc:///system", HookedNode.uuid))
    #expect((document.xml, document.outcome, document.to) == ("<domain type='lxc'/>", nil, nil))
    #expect(document.seconds > 0 && document.seconds <= 60)
    #expect(
      scratch.lines("environment").filter { $0.hasPrefix("HOLDFAST_") } == [
        "HOLDFAST_BECAUSE=", "HOLDFAST_CLUSTER=lab", "HOLDFAST_CONNECTION=lxc:///system", "HOLDFAST_EPOCH=7",
        "HOLDFAST_HOOK=before-start", "HOLDFAST_NODE=h1", "HOLDFAST_OUTCOME=", "HOLDFAST_TO=",
        "HOLDFAST_UUID=\(HookedNode.uuid)",
        "HOLDFAST_WORKLOAD=db-1"
      ])
    let value = try JSONDecoder().decode(JSONValue.self, from: bytes)
    #expect(try APISchema("Docs/hook.schema.json").flaws(value, as: "HookDocument") == [])
  }

  // MARK: the deadline

  @Test func `that takes longer than the deadline is not asked again, when the session was renewed meanwhile`() async throws {
    let scratch = try ScratchDirectory(), path = try scratch.script("hook", "echo asked >>asked; sleep 0.5")
    let node = HookedNode([Self.before(.start, path)])
    #expect(await node.start(within: .milliseconds(100)) == .tooLate)
    #expect(node.libvirt.calls.isEmpty)
    #expect(await node.start() == .done)
    #expect(scratch.lines("asked") == ["asked"])
    // It has agreed to that one start alone.
    #expect(await node.start() == .done)
    #expect(scratch.lines("asked") == ["asked", "asked"])
  }

  @Test func `that has agreed under one claim is asked again under the next`() async throws {
    let scratch = try ScratchDirectory(), path = try scratch.script("hook", "echo asked >>asked; sleep 0.5")
    let node = HookedNode([Self.before(.start, path)])
    #expect(await node.start(within: .milliseconds(100)) == .tooLate)
    #expect(await node.start(epoch: 8) == .done)
    #expect(scratch.lines("asked") == ["asked", "asked"])
  }

  @Test func `is killed at the deadline of a session that was not renewed`() async throws {
    let scratch = try ScratchDirectory(), path = try scratch.script("hook", "echo $$ >pid; exec sleep 1000")
    // A host may be so busy that it does not even begin in that time.
    repeat {
      let node = HookedNode([Self.before(.start, path)], deadline: .seconds(2))
      #expect(await node.start(within: .seconds(1)) == .tooLate)
      #expect(node.libvirt.calls.isEmpty)
    } while Self.process(scratch) == nil
    let process = try #require(Self.process(scratch))
    #expect(await comes { kill(process, 0) != 0 })
  }

  // MARK: called off

  enum CallingOff: CaseIterable { case bar, stop, cancel, close }

  @Test(arguments: CallingOff.allCases) func `is killed when nobody waits for it any more`(_ way: CallingOff) async throws {
    let scratch = try ScratchDirectory(), act: Hook.Act = way == .cancel ? .migrate : .start
    let path = try scratch.script("hook", "echo $$ >pid; exec sleep 1000"), node = HookedNode([Self.before(act, path)])
    async let waiting = act == .start ? node.start() : node.migrate()
    #expect(await comes { Self.process(scratch) != nil })
    switch way {
    case .bar: #expect(await node.bar() == .done)
    case .stop: #expect(await node.stop() == .done)
    case .cancel: await node.cancelMigration()
    case .close: await node.hypervisor.close()
    }
    #expect(await waiting == .tooLate)
    let process = try #require(Self.process(scratch))
    #expect(await comes { kill(process, 0) != 0 })
    let calls = [CallingOff.bar: "bar db-1", .stop: "stop db-1 in time", .cancel: "cancel db-1", .close: "close"]
    #expect(node.libvirt.calls == [calls[way]])
  }

  @Test func `of one workload is not ended with another's`() async throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.script("hook", "echo $$ >pid; until [ -e go ]; do sleep 0.02; done")
    let node = HookedNode([Self.before(.start, path)])
    async let waiting = node.start()
    #expect(await comes { Self.process(scratch) != nil })
    _ = await node.bar("db-2")
    await node.cancelMigration()
    try scratch.write("go", "")
    #expect(await waiting == .done)
    #expect(node.libvirt.calls == ["bar db-2", "cancel db-1", "start db-1"])
  }

  // MARK: before a stop and a migration

  @Test(arguments: [("exit 1", "in time"), ("sleep 1000", "in less time")])
  func `never keeps anything from being stopped, and takes half of its time at most`(body: String, rest: String) async throws {
    let scratch = try ScratchDirectory(), path = try scratch.script("hook", "echo asked >>asked; \(body)")
    let node = HookedNode([Self.before(.stop, path)])
    let grace: Duration = body == "exit 1" ? .seconds(60) : .seconds(4), began = ContinuousClock.now
    #expect(await node.stop(grace: grace) == .done)
    #expect(body == "exit 1" || ContinuousClock.now - began >= .seconds(2))
    #expect(node.libvirt.calls == ["stop db-1 \(rest)"])
  }

  @Test func `is not asked about what is to end at once, and told of it`() async throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.script("hook", "echo $HOLDFAST_HOOK $HOLDFAST_OUTCOME >>told")
    let node = HookedNode([Hook(path, before: [.stop], after: [.stop], timeout: Self.patience)])
    #expect(await node.stop(grace: .zero) == .done)
    #expect(node.libvirt.calls == ["stop db-1 at once"])
    #expect(await comes { scratch.lines("told") == ["after-stop done"] })
  }

  @Test func `that refuses a live migration hinders it`() async throws {
    let scratch = try ScratchDirectory(), path = try scratch.script("hook", "echo a backup runs to $HOLDFAST_TO; exit 1")
    var view = ClusterView()
    let target = ClaimRecord.Holder(node: "h2", incarnation: "h2-1")
    view.apply(
      [
        .put(
          .claim("db-1"), .claim(ClaimRecord(epoch: Epoch(3), holder: nil, migration: .init(.ready, target: target))))
      ], committed: Revision(1))
    let node = HookedNode([Self.before(.migrate, path)], view: view)
    #expect(await node.migrate() == .hindered(.busy, reason: "the hook \(path) refused: a backup runs to h2"))
    #expect(node.libvirt.calls.isEmpty)
    #expect(await HookedNode([Self.before(.migrate, path, .ignore)], view: view).migrate() == .done)
  }

  // MARK: afterwards

  @Test(
    arguments: [
      (OperationOutcome.done, "done", nil), (.failed(reason: "no room"), "failed", "no room"),
      (.unknown(reason: "libvirt is silent"), "unknown", "libvirt is silent")
    ] as [(OperationOutcome, String, String?)])
  func `is told how it ended, and holds nothing up`(outcome: OperationOutcome, word: String, reason: String?) async throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.script(
      "hook", "echo $HOLDFAST_HOOK $HOLDFAST_OUTCOME >>told; cat >document; until [ -e go ]; do sleep 0.02; done")
    let node = HookedNode(
      [Hook(path, after: Set(Hook.Act.allCases), timeout: Self.patience)], libvirt: RecordedHypervisor(outcome))
    #expect(await node.start() == outcome)
    #expect(await comes { !scratch.lines("document").isEmpty })
    let document = try JSONDecoder().decode(HookDocument.self, from: Data(scratch.lines("document")[0].utf8))
    #expect(document.reason == reason)
    // That one is not done yet.
    #expect(await node.start() == outcome)
    #expect(node.libvirt.calls == ["start db-1", "start db-1"])
    #expect(scratch.lines("told") == ["after-start \(word)"])
    try scratch.write("go", "")
    await node.hypervisor.flush(within: Self.patience)
    #expect(scratch.lines("told") == ["after-start \(word)", "after-start \(word)"])
  }

  @Test func `of one workload is run when the one before has ended`() async throws {
    let scratch = try ScratchDirectory()
    let lock = try scratch.script("lock", "echo locks >>told; until [ -e go ]; do sleep 0.02; done; echo locked >>told")
    let unlock = try scratch.script("unlock", "echo unlocks >>told")
    let node = HookedNode([
      Hook(lock, after: [.stop], timeout: Self.patience), Hook(unlock, before: [.start], timeout: Self.patience)
    ])
    #expect(await node.stop() == .done)
    #expect(await comes { scratch.lines("told") == ["locks"] })
    async let waiting = node.start()
    // Of another workload at once.
    #expect(await node.start("db-2") == .done)
    #expect(scratch.lines("told") == ["locks", "unlocks"])
    try scratch.write("go", "")
    #expect(await waiting == .done)
    #expect(scratch.lines("told") == ["locks", "unlocks", "locked", "unlocks"])
  }

  @Test func `that is told is waited for at the end, and not for ever`() async throws {
    let scratch = try ScratchDirectory()
    let node = HookedNode([Hook(try scratch.script("hook", "echo told >told"), after: [.stop], timeout: Self.patience)])
    #expect(await node.stop() == .done)
    await node.hypervisor.flush(within: .seconds(60))
    #expect(scratch.lines("told") == ["told"])
    let hanging = HookedNode([Hook(try scratch.script("hang", "sleep 2"), after: [.stop], timeout: Self.patience)])
    #expect(await hanging.stop() == .done)
    await hanging.hypervisor.flush(within: .milliseconds(50))
  }

  @Test func `of nothing that is done changes nothing`() async throws {
    let node = HookedNode([Hook("/nowhere", after: [.migrate])])
    #expect(await node.start() == .done)
    #expect(await node.stop(grace: .seconds(1)) == .done)
    #expect(node.libvirt.calls == ["start db-1", "stop db-1 in less time"])
  }
}

extension SpecRecord {
  static func made(labels: [String: String]) -> SpecRecord {
    SpecRecord(
      connection: "lxc:///system", uuid: HookedNode.uuid, xml: "<domain/>", demand: Resources(memory: 1, cpus: 1),
      labels: labels,
      priority: 0, isolation: .freeze, stopTimeout: 30)
  }
}
