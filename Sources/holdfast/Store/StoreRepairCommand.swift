import ArgumentParser
import HoldfastAPI
import HoldfastModel
import HoldfastOperator

struct StoreRepairCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Do what `holdfast store check` proposes as a repair.",
    discussion: """
      It shows what it would do and asks. Then it writes all records that it changes to a file, byte by byte, and names it. Each repair is one \
      transaction that is refused when a record it depends on has changed since it was read: nothing is repaired on old news.

      Claims and sessions are never touched: two copies of a workload could run. `holdfast store check` says what to do about them by hand.

      To put a record back as it was: Docs/operations.md, "When the store is damaged".

      Example: holdfast store repair --dry-run
      """)

  @OptionGroup var options: StoreOptions

  @Argument(
    help: ArgumentHelp("Keys whose repair is wanted, as `holdfast store check` shows them. (default: all)", valueName: "key"))
  var keys: [String] = []

  @Option(
    help: ArgumentHelp(
      "The file for the records as they are now. (default: holdfast-store-backup-CLUSTER-TIME.json in this directory)",
      valueName: "file"))
  var backup: String?

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. Required when there is no terminal.")
  var yes = false

  func run() async throws {
    let store = options.store, records = try await store.records(), now = Words.now()
    let check = RecordCheck(records.listing, cluster: records.cluster, at: now)
    let wanted = try chosen(from: check)
    let left = check.findings.filter { $0.repair == nil && $0.weight == .fault && (keys.isEmpty || keys.contains($0.key)) }
    var result = StoreRepairResult(
      cluster: records.cluster, backup: nil,
      repairs: wanted.map { .init(key: $0.key, repair: $0.repair?.text ?? "", outcome: nil) },
      left: left.map { .init($0) })
    let screen = StoreRepairScreen(terminal: .current())
    if dryRun || wanted.isEmpty { return try tell(result, screen.plan(result)) }
    if !yes {
      let count = Words.count(wanted.count, "repair")
      try Confirmation.ask("Carry out \(wanted.count == 1 ? "this repair" : "these \(count)")?", lines: screen.plan(result))
    }
    let file = backup ?? StoreRecordsFile.backupName(of: records.cluster, at: now)
    let concerned = wanted.flatMap { $0.repair.map { StoreRepairRun.keys(of: $0, check.codec) } ?? [] }
    try StoreRecordsFile.write(records.only(Set(concerned)), to: file)
    result.backup = file
    var run = StoreRepairRun(wanted)
    do { result.repairs = try await run.carryOut(check, in: store) } catch {
      Output.complain("holdfast: the records as they were before are in \(file).")
      throw error
    }
    try tell(result, screen.done(result))
    if !result.repairs.allSatisfy(\.isDone) { throw ExitCode(ExitStatus.failed.rawValue) }
  }

  private func chosen(from check: RecordCheck) throws -> [RecordFinding] {
    let possible = check.findings.filter { $0.repair != nil }
    guard !keys.isEmpty else { return possible }
    for key in keys where !possible.contains(where: { $0.key == key }) {
      let finding = check.findings.first { $0.key == key }
      throw Failure(
        kind: "invalid", thing: key,
        reason: finding == nil ? "nothing is wrong with a record of this name" : "no program may repair it",
        remedy: "`holdfast store check` shows what is wrong, and what to do by hand.")
    }
    return possible.filter { keys.contains($0.key) }
  }

  private func tell(_ result: StoreRepairResult, _ lines: [String]) throws {
    if options.output == .json { try Output.json(result) } else { for line in lines { Output.line(line) } }
  }
}

/// The repairs that a person has agreed to, carried out one after the other. A repair that another one gets in the way of is decided anew, and done
/// only if it is still the same.
struct StoreRepairRun {
  /// Rounds in which what another one got in the way of is decided anew.
  private static let mostRounds = 5

  private struct Wish: Hashable {
    var key: String
    var text: String
  }
  private struct Item {
    var wish: Wish
    var repair: RecordRepair
  }
  private let wishes: [Wish]
  private var outcomes: [Wish: StoreEditOutcome] = [:]

  init(_ findings: [RecordFinding]) {
    wishes = findings.compactMap { finding in finding.repair.map { Wish(key: finding.key, text: $0.text) } }
  }

  /// The records that a repair writes or depends on, as they are called in the store.
  static func keys(of repair: RecordRepair, _ codec: RecordCodec) -> [String] {
    repair.transaction.conditions.map { codec.key($0.key) } + repair.transaction.writes.map { codec.key($0.key) }
  }

  /// - Parameter first: the check that the person saw.
  /// - Throws: why nothing was begun.
  mutating func carryOut(_ first: RecordCheck, in store: NodeStore) async throws -> [StoreRepairResult.Repair] {
    try await carryOut(batch(first, first), first, in: store)
    for _ in 1..<Self.mostRounds where wishes.contains(where: isOpen) {
      // What was done is told, whatever happens now.
      do {
        let records = try await store.records()
        let check = RecordCheck(records.listing, cluster: records.cluster, at: first.now), doable = batch(check, first)
        if doable.isEmpty { break }
        do { try await carryOut(doable, check, in: store) } catch {
          for item in doable { outcomes[item.wish] = StoreEditOutcome(.unknown, reason: Self.reason(error)) }
          break
        }
      } catch {
        for wish in wishes where isOpen(wish) { outcomes[wish] = StoreEditOutcome(.notDone, reason: Self.reason(error)) }
      }
    }
    return wishes.map { wish in
      let outcome =
        outcomes[wish] ?? StoreEditOutcome(.changed, reason: "the record has changed meanwhile, and this repair is not for it")
      return .init(key: wish.key, repair: wish.text, outcome: outcome)
    }
  }

  private mutating func carryOut(_ doable: [Item], _ check: RecordCheck, in store: NodeStore) async throws {
    guard !doable.isEmpty else { return }
    let done = try await store.carryOut(try doable.map { try Self.edit($0.repair, check.codec) })
    for (item, outcome) in zip(doable, done) { outcomes[item.wish] = outcome }
  }

  private static func reason(_ error: any Error) -> String { (error as? Failure)?.reason ?? "\(error)" }

  /// Not done yet, or refused for news that came in between.
  private func isOpen(_ wish: Wish) -> Bool { outcomes[wish].map { $0.state == .changed } ?? true }

  /// Those that are to be done now, none of which writes what another one depends on. Only what is as the person saw it is written: nothing else is in the
  /// file with the records as they were.
  private func batch(_ check: RecordCheck, _ first: RecordCheck) -> [Item] {
    var written: Set<String> = [], batch: [Item] = []
    for finding in check.findings {
      guard let repair = finding.repair else { continue }
      let wish = Wish(key: finding.key, text: repair.text), keys = Self.keys(of: repair, check.codec)
      let writes = repair.transaction.writes.map { check.codec.key($0.key) }
      guard wishes.contains(wish), isOpen(wish), written.isDisjoint(with: keys),
        writes.allSatisfy({ check.listing.entries[$0] == first.listing.entries[$0] })
      else { continue }
      written.formUnion(writes)
      batch.append(Item(wish: wish, repair: repair))
    }
    return batch
  }

  private static func edit(_ repair: RecordRepair, _ codec: RecordCodec) throws -> StoreEdit {
    guard let edit = StoreEdit(try codec.encode(repair.transaction)) else {
      throw Failure(
        thing: "the repair '\(repair.text)'", reason: "it depends on more than records as they were read", remedy: "Report it.")
    }
    return edit
  }
}

struct StoreRepairScreen {
  let terminal: Terminal

  func plan(_ result: StoreRepairResult) -> [String] {
    if result.repairs.isEmpty {
      return [
        result.left.isEmpty
          ? "Nothing is to be repaired."
          : "No program may repair what is wrong: `holdfast store check` says what to do by hand."
      ]
    }
    return ["What would happen:"] + result.repairs.flatMap { repair($0, verdict: "") } + rest(result)
  }

  func done(_ result: StoreRepairResult) -> [String] {
    let repairs = result.repairs.flatMap { repair($0, verdict: verdict($0)) }
    let file = result.backup.map { ["The records as they were before are in \($0)."] } ?? []
    return repairs + file + rest(result)
  }

  private func repair(_ repair: StoreRepairResult.Repair, verdict: String) -> [String] {
    let reason = repair.reason.map { Paragraph.lines("  ", $0, terminal, indent: 2) } ?? []
    return [verdict + terminal.styled(repair.key, .bold)] + Paragraph.lines("  ", repair.repair, terminal, indent: 2) + reason
  }

  private func verdict(_ repair: StoreRepairResult.Repair) -> String {
    switch repair.state {
    case StoreEditOutcome.State.done.rawValue: terminal.styled("done", .good) + "  "
    case StoreEditOutcome.State.unknown.rawValue: terminal.styled("OUTCOME UNKNOWN", .doubtful) + "  "
    default: terminal.styled("NOT DONE", .bad) + "  "
    }
  }

  private func rest(_ result: StoreRepairResult) -> [String] {
    guard !result.left.isEmpty else { return [] }
    return ["\(Words.count(result.left.count, "fault")) besides: `holdfast store check` says what to do by hand."]
  }
}
