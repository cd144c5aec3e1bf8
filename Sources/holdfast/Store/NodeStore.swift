import Foundation
import HoldfastAPI
import HoldfastModel
import Subprocess
import SystemPackage

/// The store as this node's configuration reaches it, past the daemon. `holdfastd` itself is the one that knows how: it is run for that, and ends.
struct NodeStore: Sendable {
  /// Where holdfastd's configuration is; nil: where holdfastd looks for it.
  let configuration: String?

  /// In bytes. A finite limit would be reserved at once, and the answer is our own program's.
  private static let greatestAnswer = Int.max
  private static let greatestComplaint = 1 << 20

  /// - Throws: `Failure` when holdfastd cannot be run, or cannot read the store.
  func records() async throws -> StoreRecords {
    let answer = try await run(["--records"], input: [], failing: "the store's records")
    return try Self.decoded(answer, "holdfastd --records")
  }

  /// - Returns: what became of each.
  /// - Throws: `Failure` when holdfastd cannot be run: then nothing was written.
  func carryOut(_ edits: [StoreEdit]) async throws -> [StoreEditOutcome] {
    let request = [UInt8](try JSONEncoder().encode(edits))
    let answer = try await run(["--write-records"], input: request, failing: "the repair")
    return try Self.decoded(answer, "holdfastd --write-records")
  }

  private static func decoded<Value: Decodable>(_ text: String, _ command: String) throws -> Value {
    do { return try JSONDecoder().decode(Value.self, from: Data(text.utf8)) } catch {
      throw Failure(
        thing: "`\(command)`", reason: "its answer cannot be read: \(error)",
        remedy: "Use holdfast and holdfastd of one build; `holdfast store check` shows what is in the store now.")
    }
  }

  private func run(_ arguments: [String], input: [UInt8], failing thing: String) async throws -> String {
    let location = configuration.map { ["--config", $0] } ?? []
    let remedy =
      "Run it as root on a node, as it needs holdfastd's configuration and certificates: `holdfastd --check` tells about them."
    let result: ExecutionResult<Void, StringOutput<UTF8>, StringOutput<UTF8>>
    do {
      result = try await Subprocess.run(
        Self.program, arguments: Arguments(location + arguments), input: .array(input),
        output: .string(limit: Self.greatestAnswer), error: .string(limit: Self.greatestComplaint))
    } catch {
      throw Failure(thing: thing, reason: "holdfastd cannot be executed: \(error)", remedy: remedy)
    }
    guard case .exited(0) = result.terminationStatus else {
      let complaint = result.standardError.trimmingCharacters(in: .whitespacesAndNewlines)
      let reason = complaint.isEmpty ? "holdfastd ended with \(result.terminationStatus)" : complaint
      throw Failure(
        .unreachable, thing: thing, reason: reason.hasSuffix(".") ? String(reason.dropLast()) : reason, remedy: remedy)
    }
    return result.standardOutput
  }

  /// The one beside this program, where there is one: of the same build.
  private static var program: Executable {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let beside = URL(fileURLWithPath: own).deletingLastPathComponent().appending(path: "holdfastd").path
    return FileManager.default.isExecutableFile(atPath: beside) ? .path(FilePath(beside)) : .name("holdfastd")
  }
}
