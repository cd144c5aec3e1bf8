import Foundation
import Glibc
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import Subprocess
import Testing

/// What the API does not know it refuses, and it says who did what.
@Suite(.serialized) struct `API: what it does not know` {
  @Test(arguments: [
    ("POST /v1/workloads/web1/stop?dryrun", "the parameter dryrun", "Did you mean dryRun?"),
    ("POST /v1/workloads/web1/stop?dryRun=yes", "the parameter dryRun", "?dryRun=true"),
    ("POST /v1/workloads/web1/stop?dryRun&dryRun=false", "the parameter dryRun", "Give it once"),
    ("POST /v1/workloads/web1/stop?dryRun=true&force", "the parameter force", "It takes: dryRun, now."),
    ("POST /v1/workloads/web1/stop?now=soon", "the parameter now", "?now=true"),
    ("POST /v1/workloads/web1/start?now", "the parameter now", "It takes: dryRun."),
    ("GET /v1/status?dryRun", "the parameter dryRun", "It takes none."),
    ("GET /v1/workloads/web1?limt=3", "the parameter limt", "Did you mean limit?"),
    ("GET /v1/history?follow", "the parameter follow", "It takes: limit, workload."),
    ("GET /v1/events?follow=maybe", "the parameter follow", "?follow")
  ])
  func `a parameter is refused by its name, and nothing is done`(request: String, thing: String, remedy: String) async throws {
    try await APIHarness.serving { api in
      let path = String(request.split(separator: " ")[1])
      let answer = request.hasPrefix("GET") ? try await api.get(path) : try await api.post(path)
      #expect(answer.status == 400 && answer.error?.thing == thing, "\(String(describing: answer.error))")
      #expect(answer.error?.remedy.contains(remedy) == true, "\(String(describing: answer.error))")
      #expect(api.access.truth.intents["web1"]?.value.desired == .running)
    }
  }

  @Test(arguments: [
    ("/v1/workloads/web1/stop", #"{"dryRun":true}"#, "dryRun"),
    ("/v1/workloads/web1/move", #"{"to":"n2","dryRun":true}"#, "dryRun"),
    ("/v1/workloads/web1/move", #"{"to":"n2","live":null}"#, "live"),
    ("/v1/disarm", #"{"secondz":5,"now":true}"#, "secondz"),
    ("/v1/nodes/n1/maintenance", #"{"leavePending":true}"#, "leavePending"),
    ("/v1/adopt", #"{"domains":[{"connection":"lxc:///system","name":"wiki","force":1}]}"#, "domains[0].force"),
    (
      "/v1/workloads",
      #"{"workloads":[{"name":"x","connection":"lxc:///system","xml":"<domain type='lxc'/>","demand":{"memory":1,"cpus":1,"disk":2}}]}"#,
      "workloads[0].demand.disk"
    ),
    (
      "/v1/workloads",
      #"{"workloads":[{"name":"x","connection":"lxc:///system","xml":"<domain type='lxc'/>","demand":{"memory":1,"cpus":1},"checks":[{"name":"a","kind":"tcp","port":80,"prot":1}]}]}"#,
      "workloads[0].checks[0].prot"
    ),
    (
      "/v1/workloads",
      #"{"workloads":[{"name":"x","connection":"lxc:///system","xml":"<domain type='lxc'/>","demand":{"memory":1,"cpus":1},"addresses":[{"address":"10.0.0.80","prefixLength":24,"interface":"br0","dev":"br0"}]}]}"#,
      "workloads[0].addresses[0].dev"
    )
  ])
  func `a field is refused by its place, and nothing is done`(path: String, body: String, field: String) async throws {
    try await APIHarness.serving { api in
      let before = api.access.truth.revision
      let answer = try await api.post(path, raw: Data(body.utf8))
      #expect(answer.status == 400, "\(String(decoding: answer.body, as: UTF8.self))")
      #expect(answer.error?.reason.contains("unknown field '\(field)'") == true, "\(String(describing: answer.error))")
      #expect(api.access.truth.revision == before)
    }
  }

  @Test(arguments: [
    ("/v1/workloads/web1/move", #"{"to":"n2","to":"n3"}"#, "to"),
    ("/v1/workloads/web1/move", #"{"to":"n2","t\u006f":"n2"}"#, "to"),
    ("/v1/workloads/web1/stop", #"{"a":1,"a":1}"#, "a"),
    ("/v1/disarm", #"{"reason":"\",\"seconds\":1,{[","seconds":5, "seconds" : 6}"#, "seconds"),
    (
      "/v1/workloads",
      #"{"workloads":[{"name":"y","connection":"lxc:///system","xml":"<domain type='lxc'/>","demand":{"memory":1,"cpus":1}},{"name":"x","connection":"lxc:///system","xml":"<domain type='lxc'/>","demand":{"memory":1,"cpus":1},"labels":{"to":"1","a":"1","a":"2"}}]}"#,
      "workloads[1].labels.a"
    )
  ])
  func `a field that is there twice is refused by its place, and nothing is done`(
    path: String, body: String, field: String
  ) async throws {
    try await APIHarness.serving { api in
      let before = api.access.truth.revision
      let answer = try await api.post(path, raw: Data(body.utf8))
      #expect(answer.status == 400, "\(String(decoding: answer.body, as: UTF8.self))")
      let reason = answer.error?.reason
      #expect(reason == "it has the field '\(field)' twice, so nothing was done", "\(String(describing: answer.error))")
      #expect(api.access.truth.revision == before)
    }
  }

  @Test func `passwords are masked unless somebody asks for them, and a masked one is not taken back`() async throws {
    try await APIHarness.serving { api in
      let spec =
        #"{"name":"x","connection":"lxc:///system","xml":"<domain type='lxc'><graphics passwd='s3cret'/></domain>","demand":{"memory":1,"cpus":1}}"#
      #expect(try await api.post("/v1/workloads", raw: Data(#"{"workloads":[\#(spec)]}"#.utf8)).status == 200)
      let masked = try await api.holdfast(["workload", "x", "--xml"])
      #expect(masked.output.contains("passwd='********'") && !masked.output.contains("s3cret"))
      #expect(masked.errors.contains("--secrets shows them"))
      let json = try await api.holdfast(["workload", "x", "-o", "json"]).output
      #expect(json.contains("********") && !json.contains("s3cret"))
      let asked = try await api.holdfast(["workload", "x", "--xml", "--secrets"])
      #expect(asked.output.contains("passwd='s3cret'"))
      let export = try await api.holdfast(["export", "-o", "json"])
      #expect(export.output.contains("s3cret"), "an export brings everything back: \(export.errors)")
      let back = spec.replacing("s3cret", with: "********")
      let answer = try await api.post("/v1/workloads", raw: Data(#"{"workloads":[\#(back)]}"#.utf8))
      #expect(String(decoding: answer.body, as: UTF8.self).contains("--xml --secrets"))
      #expect(api.access.truth.specs["x"]?.value.xml.contains("s3cret") == true)
    }
  }

  @Test func `what may be left out may be null, labels take any name, and an empty body is none`() async throws {
    try await APIHarness.serving { api in
      let dry = try await api.post("/v1/disarm?dryRun", raw: Data(#"{"reason":null,"seconds":60}"#.utf8))
      #expect(dry.status == 200)
      let spec =
        #"{"name":"x","connection":"lxc:///system","xml":"<domain type='lxc'/>","demand":{"memory":1,"cpus":1},"labels":{"any":"thing"}}"#
      #expect(try await api.post("/v1/workloads?dryRun=1", raw: Data(#"{"workloads":[\#(spec)]}"#.utf8)).status == 200)
      for body in ["", " \n", "{}"] {
        #expect(try await api.post("/v1/workloads/web1/stop?dryRun", raw: Data(body.utf8)).status == 200, "\(body)")
      }
    }
  }

  private struct Head: Decodable { var apiVersion: String }

  @Test func `every answer carries the API's version, errors too`() async throws {
    try await APIHarness.serving { api in
      for path in ["status", "nodes", "workloads", "workloads/web1", "domains", "history", "snapshot", "policies", "nothing"] {
        #expect(try await api.get("/v1/\(path)").decoded(Head.self).apiVersion == "v1", "\(path)")
      }
      #expect(try await api.post("/v1/workloads/web1/stop?dryRun").decoded(Head.self).apiVersion == "v1")
      let told = try await api.holdfast(["workloads", "-o", "json"])
      #expect(try told.decoded(Head.self).apiVersion == "v1")
    }
  }

  @Test func `errors are JSON where JSON was asked for`() async throws {
    try await APIHarness.serving { api in
      func error(_ arguments: [String], status: Int32, kind: String, thing: String) async throws {
        let run = try await api.holdfast(arguments)
        #expect(run.status == status, "\(run)")
        let body = try JSONDecoder().decode(ErrorBody.self, from: Data(run.errors.utf8))
        #expect(body.kind == kind && body.thing == thing, "\(run)")
      }
      try await error(["workload", "nope", "-o", "json"], status: 1, kind: "unknown", thing: "workload nope")
      try await error(["status", "--output=json", "--frobnicate"], status: 2, kind: "invalid", thing: "the command line")
      try await error(
        ["status", "-o", "json", "--socket", "/none"], status: 3, kind: "unavailable", thing: "the daemon at /none")
      let file = api.socket + ".yaml"
      try "workloads:\n  - name: x\n    memory: much\n".write(toFile: file, atomically: false, encoding: .utf8)
      try await error(["apply", "-f", file, "-o", "json"], status: 1, kind: "invalid", thing: "the files")
      let text = try await api.holdfast(["workload", "nope"])
      #expect(text.errors.hasPrefix("holdfast: workload nope: "))
    }
  }

  @Test func `output that cannot be written is an error`() async throws {
    try await APIHarness.serving { api in
      for arguments in ["status", "workloads -o json", "policy schema", "simulate --schema", "--help"] {
        let run = try await APIHarness.run(
          ["sh", "-c", "exec '\(APIHarness.programs)/holdfast' \(arguments) >/dev/full"],
          environment: ["HOLDFAST_SOCKET": api.socket])
        #expect(run.status == 1 && run.errors.contains("No space left on device"), "\(arguments): \(run)")
      }
    }
  }

  @Test func `changes of definitions are lines of history that say who asked`() async throws {
    try await APIHarness.serving { api in
      func lines() async throws -> [HistoryLine] {
        try await api.get("/v1/history?limit=100").decoded(HistoryPage.self).lines.filter { $0.kind == "defined" }
      }
      let file = api.socket + ".yaml"
      for memory in [100, 200, 200] {
        let text = """
          workloads:
            - {name: new1, memory: \(memory), xml: "<domain type='lxc'><memory unit='MiB'>64</memory></domain>"}

          """
        try text.write(toFile: file, atomically: false, encoding: .utf8)
        #expect(try await api.holdfast(["apply", "-f", file, "--yes"]).status == 0)
      }
      #expect(try await api.holdfast(["apply", "-f", file, "--dry-run"]).status == 0)
      // What runs nowhere is told as well.
      #expect(try await api.holdfast(["release", "cache", "--yes"]).status == 0)
      let told = try await lines()
      try #require(told.map(\.workload) == ["new1", "new1", "cache"], "\(told)")
      #expect(told[0].text.hasPrefix("new1 is defined (user ") && told[0].text.hasSuffix(", from \(file))"), "\(told[0])")
      #expect(told[1].text.hasPrefix("new1 has a changed definition: demand.memory (user "))
      #expect(told[2].text.hasPrefix("cache is released while it runs nowhere: its definition is deleted (user "))
    }
  }

  @Test func `who looks at passwords leaves a line`() async throws {
    let log = RecordedLog()
    try await APIHarness.serving(log: log) { api in
      for path in ["workloads/web1", "workloads/web1?secrets=false", "workloads/nobody?secrets", "status", "snapshot"] {
        _ = try await api.get("/v1/\(path)")
      }
      #expect(log.lines.isEmpty, "nothing of it shows a password: \(log.lines)")
      #expect(try await api.holdfast(["workload", "web1", "--xml", "--secrets"]).status == 0)
      #expect(try await api.get("/v1/definitions").status == 200)
      let lines = log.lines.filter { $0["message"] == "a look at secrets" }
      try #require(lines.count == 2 && log.lines.count == 2, "\(log.lines)")
      #expect(lines.map { $0["path"] } == ["/v1/workloads/web1", "/v1/definitions"])
      #expect(lines.allSatisfy { $0["status"] == "200" && $0["uid"] == "\(getuid())" && $0["login"] != nil })
      #expect(lines[1]["workloads"]?.contains("web1") == true && lines[1]["pid"] == "\(getpid())")
    }
  }

  @Test func `the log says what, to where, from which file, by whom, and what was refused`() async throws {
    let log = RecordedLog()
    try await APIHarness.serving(log: log) { api in
      _ = try await api.post("/v1/workloads/web1/move", MoveRequest(to: "n2"))
      _ = try await api.post("/v1/workloads/web1/move", MoveRequest(to: "n9"))
      _ = try await api.post("/v1/workloads/web1/stop?dryRun")
      _ = try await api.post("/v1/workloads/web1/stop?dryrun")
      let lines = log.lines.filter { $0["message"] == "an operator's command" }
      try #require(lines.count == 3, "\(lines)")
      #expect(lines[0]["path"] == "/v1/workloads/web1/move" && lines[0]["to"] == "n2" && lines[0]["status"] == "200")
      #expect(lines[0]["uid"] == "\(getuid())" && lines[0]["pid"] == "\(getpid())" && lines[0]["login"] != nil)
      #expect(lines[1]["to"] == "n9" && lines[1]["status"] == "404" && lines[1]["reason"] != nil)
      #expect(lines[2]["status"] == "400" && lines[2]["reason"]?.contains("no such parameter") == true, "\(lines[2])")
    }
  }
}
