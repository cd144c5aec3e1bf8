import FoundationEssentials
import HoldfastAPI
import HoldfastModel
import HoldfastPorts
import Logging

/// Reads and repairs the store's records for `holdfast store`, with this node's configuration and certificates, whether or not a daemon runs here.
package struct StoreErrand: Sendable {
  /// For one call to the store: somebody waits at a terminal.
  private static let timeout: Duration = .seconds(10)

  private let store: any LeaseStore
  private let cluster: String

  package init(_ store: any LeaseStore, cluster: String) {
    self.store = store
    self.cluster = cluster
  }

  /// Runs an errand on the store that a configuration names, and closes it.
  ///
  /// - Throws: `StoreError`, also where the store cannot be read from outside; why the password could not be read.
  package static func with<Result: Sendable>(
    _ configuration: NodeConfiguration, _ errand: (StoreErrand) async throws -> Result
  ) async throws -> Result {
    if case .memory = configuration.store {
      throw StoreError.rejected(
        reason: "it is in the memory of holdfastd", remedy: "Nothing outlives that process, and nothing else can read it.")
    }
    // What stands against the store is thrown; the rest of its log is a daemon's.
    let store = try configuration.makeStore(logger: Logger(label: "holdfastd") { _ in SwiftLogNoOpLogHandler() })
    do {
      let result = try await errand(StoreErrand(store, cluster: configuration.cluster))
      await store.close()
      return result
    } catch {
      await store.close()
      throw error
    }
  }

  package func records() async throws(StoreError) -> StoreRecords {
    let listing = try await store.list(prefix: RecordCodec(cluster: cluster).prefix, timeout: Self.timeout)
    return StoreRecords(listing, cluster: cluster)
  }

  /// One after the other, each for itself.
  package func carryOut(_ edits: [StoreEdit]) async -> [StoreEditOutcome] {
    var outcomes: [StoreEditOutcome] = []
    for edit in edits { outcomes.append(await carryOut(edit)) }
    return outcomes
  }

  private func carryOut(_ edit: StoreEdit) async -> StoreEditOutcome {
    if let flaw = edit.flaw(in: cluster) { return StoreEditOutcome(.notDone, reason: flaw) }
    do throws(StoreError) {
      switch try await store.transact(edit.transaction, timeout: Self.timeout) {
      case .committed: return StoreEditOutcome(.done)
      case .refused: return StoreEditOutcome(.changed, reason: "a record that it depends on was changed meanwhile")
      }
    } catch {
      if case .unknownOutcome = error { return StoreEditOutcome(.unknown, reason: "\(error)") }
      return StoreEditOutcome(.notDone, reason: "\(error)")
    }
  }

  // MARK: as text

  /// What `holdfastd --records` prints.
  package static func printRecords(of configuration: NodeConfiguration) async throws -> String {
    try text(try await with(configuration) { errand in try await errand.records() })
  }

  /// What `holdfastd --write-records` prints when it was given `request`: an outcome for each change.
  ///
  /// - Parameter request: JSON, a list of `StoreEdit`.
  package static func writeRecords(_ request: [UInt8], of configuration: NodeConfiguration) async throws -> String {
    let edits: [StoreEdit]
    do { edits = try JSONDecoder().decode([StoreEdit].self, from: Data(request)) } catch {
      throw StoreError.notApplied(reason: "what standard input holds is no list of changes")
    }
    return try text(try await with(configuration) { errand in await errand.carryOut(edits) })
  }

  private static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
