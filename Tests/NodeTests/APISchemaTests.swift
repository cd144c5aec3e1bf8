import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import HoldfastPolicies
import Testing

/// `Docs/api.schema.json` against the commands, what they print, the types that it is made of, and the tables of `Docs/json.md`.
@Suite(.serialized) struct `API: its schema` {
  /// What no command prints as its one answer.
  private static let besides: Set<String> = ["events-follow", "error", "domains"]

  private struct Help: Decodable {
    struct Command: Decodable {
      struct Argument: Decodable {
        struct Name: Decodable { var name: String }
        var names: [Name]?
      }
      var commandName: String
      var arguments: [Argument]?
      var subcommands: [Command]?

      /// Those below it that take `-o`, by their words.
      func printing(_ words: [String] = []) -> [String] {
        let below = (subcommands ?? []).filter { $0.commandName != "help" }
        if !below.isEmpty { return below.flatMap { $0.printing(words + [$0.commandName]) } }
        let takesFormat = (arguments ?? []).contains { ($0.names ?? []).contains { $0.name == "output" } }
        return takesFormat ? [words.joined(separator: "-")] : []
      }
    }
    var command: Command
  }

  @Test func `has a definition for each command, and for nothing else`() async throws {
    let schema = try APISchema()
    let help: Help = try await APIHarness.run(["\(APIHarness.programs)/holdfast", "--experimental-dump-help"]).decoded()
    let commands = help.command.printing().sorted()
    #expect(commands.count > 30)
    let anchored = schema.definitions.filter { $0.value["$anchor"] != nil }
    #expect(anchored.allSatisfy { $0.value["$anchor"]?.text == $0.key })
    #expect(anchored.keys.filter { !Self.besides.contains($0) }.sorted() == commands)
  }

  /// By the definition.
  private static let commands: [(String, [String])] = [
    ("status", ["status"]), ("nodes", ["nodes"]), ("workloads", ["workloads"]), ("workload", ["workload", "shop1"]),
    ("workload", ["workload", "web2"]), ("events", ["events"]), ("export", ["export"]),
    ("leftovers-list", ["leftovers", "list"]),
    ("release", ["release", "--list"]), ("release", ["release", "web1", "--dry-run"]),
    ("start", ["start", "cache", "--dry-run"]),
    ("stop", ["stop", "web*", "--dry-run"]), ("restart", ["restart", "web1", "cache", "--dry-run"]),
    ("pause", ["pause", "web1", "--dry-run"]), ("move", ["move", "web2", "--to", "n1", "--dry-run"]),
    ("move", ["move", "web2", "--to", "n3", "--dry-run"]), ("console", ["console", "web2"]),
    ("maintenance-status", ["maintenance", "status"]), ("maintenance-status", ["maintenance", "status", "n2"]),
    ("maintenance-enter", ["maintenance", "enter", "n1", "--dry-run"]), ("evacuate", ["evacuate", "n1", "--dry-run"]),
    ("maintenance-exit", ["maintenance", "exit", "n2", "--dry-run"]), ("disarm", ["disarm", "--dry-run"]),
    ("arm", ["arm", "--dry-run"]), ("moves-status", ["moves", "status"]), ("moves-off", ["moves", "off", "--dry-run"]),
    ("moves-on", ["moves", "on", "--dry-run"]), ("policy-show", ["policy", "show"]), ("explain", ["explain", "db2"]),
    ("whatif", ["whatif", "--lose", "n1"]), ("whatif", ["whatif", "--lose", "each"]),
    ("rebalance", ["rebalance", "--dry-run"]), ("snapshot", ["snapshot"])
  ]

  private func expect(_ command: [String], prints definition: String, of schema: APISchema, _ api: APIHarness) async throws {
    let run = try await api.holdfast(command + ["-o", "json"])
    guard let value: JSONValue = try? run.decoded() else {
      Issue.record("\(command) prints no JSON: \(run)")
      return
    }
    #expect(schema.flaws(value, as: definition) == [], "\(command)")
  }

  @Test func `has what commands print`() async throws {
    let schema = try APISchema()
    try await APIHarness.serving { api in
      try await api.drain()
      for (definition, command) in Self.commands { try await expect(command, prints: definition, of: schema, api) }
      try await api.disarm()
      for (definition, command) in Self.commands where ["status", "nodes", "arm"].contains(definition) {
        try await expect(command, prints: definition, of: schema, api)
      }
      let domains: JSONValue = try await api.get("/v1/domains").decoded()
      #expect(schema.flaws(domains, as: "domains") == [])
    }
  }

  @Test func `has what commands print that need no daemon, and errors`() async throws {
    let schema = try APISchema()
    let folder = "/tmp/hf-schema-\(UInt32.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let bad = "\(folder)/bad.yaml"
    try "workloads: [{name: a, for: all, priority: high}]".write(toFile: bad, atomically: false, encoding: .utf8)
    let program = "\(APIHarness.programs)/holdfast"
    for (definition, command) in [
      ("policy-check", ["policy", "check", bad]), ("simulate", ["simulate", "--short", "--seeds", "1"])
    ] {
      let value: JSONValue = try await APIHarness.run([program] + command + ["-o", "json"]).decoded()
      #expect(schema.flaws(value, as: definition) == [], "\(command)")
    }
    for command in [["status", "--socket", "/none"], ["apply", "-f", bad, "--check"], ["status", "--frobnicate"]] {
      let run = try await APIHarness.run([program] + command + ["-o", "json"])
      let error = try JSONDecoder().decode(JSONValue.self, from: Data(run.errors.utf8))
      #expect(schema.flaws(error, as: "error") == [], "\(command)")
    }
  }

  /// A value with every field that the definition names, and one with those alone that must be there, are read as the type and written as they were.
  private func compare<Value: Codable>(_ schema: APISchema, _ definition: String, _ type: Value.Type) {
    // More turns than any field has words.
    for turn in 0..<12 {
      for isLeast in [false, true] {
        let example = schema.example(of: definition, turn: turn, isLeast: isLeast)
        do {
          let value = try JSONDecoder().decode(type, from: JSONEncoder().encode(example))
          let written = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value))
          #expect(written == example, "\(definition)")
        } catch {
          Issue.record("\(definition), \(isLeast ? "least" : "whole"): \(error)")
          return
        }
      }
    }
  }

  @Test func `has the fields of the types that are printed`() throws {
    let schema = try APISchema()
    compare(schema, "Status", ClusterStatus.self)
    compare(schema, "NodeList", NodeList.self)
    compare(schema, "WorkloadList", WorkloadList.self)
    compare(schema, "WorkloadDetail", WorkloadDetail.self)
    compare(schema, "EventList", HistoryPage.self)
    compare(schema, "LeftoverList", LeftoverList.self)
    compare(schema, "ReleasedList", ReleasedList.self)
    compare(schema, "DomainList", DomainList.self)
    compare(schema, "Definitions", ClusterDefinitions.self)
    compare(schema, "Results", CommandResults.self)
    compare(schema, "ClusterResult", ClusterCommandResult.self)
    compare(schema, "NodeMaintenance", NodeMaintenance.self)
    compare(schema, "Moves", MovesInfo.self)
    compare(schema, "Error", ErrorBody.self)
    compare(schema, "PoliciesInForce", PoliciesInForce.self)
    compare(schema, "PolicyDiff", PolicyDiff.self)
    compare(schema, "WhatIf", WhatIf.self)
    compare(schema, "LossTrials", LossTrials.self)
    compare(schema, "Rebalance", Rebalance.self)
    compare(schema, "StoreCheck", StoreCheckResult.self)
    compare(schema, "StoreRepair", StoreRepairResult.self)
  }

  /// A check has the fields of its kind: no value has them all.
  @Test func `has the fields of every kind of check`() throws {
    let schema = try APISchema()
    for check in MadeUpCluster.checks + [HealthCheck(name: "agent", probe: .agent)] {
      let value = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(check))
      #expect(schema.flaws(value, as: "HealthCheck") == [], "\(check)")
      #expect(check.fieldNames.isSubset(of: schema.fieldNames(of: "HealthCheck")))
    }
  }

  @Test(arguments: [
    ("Status", "Status"), ("A node", "Node"), ("A workload", "Workload"), ("What is left on nodes", "Leftover"),
    ("An event", "Event"), ("Results of a command", "Result")
  ])
  func `has the fields of the document's tables, and no others`(section: String, definition: String) throws {
    let text = try repositoryFile("Docs/json.md")
    let start = try #require(text.range(of: "\n## \(section)\n")).upperBound
    let part = text[start...].prefix(upTo: text[start...].range(of: "\n## ")?.lowerBound ?? text.endIndex)
    let told = part.split(separator: "\n").filter { $0.hasPrefix("| `") }.flatMap { row in
      row.split(separator: "|")[0].matches(of: #/`(\w+)`/#).map { String($0.1) }
    }
    #expect(told.sorted() == (try APISchema()).fieldNames(of: definition).sorted())
  }
}
