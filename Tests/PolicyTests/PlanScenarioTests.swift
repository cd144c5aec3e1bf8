import Foundation
import HoldfastPlanning
import HoldfastPolicies
import Testing

@Suite struct `Plans as told` {
  /// `HOLDFAST_REWRITE_PLANS=1` writes what comes out into the files, for a person to read and to commit.
  @Test(arguments: try repositoryFiles(in: "Tests/Plans"))
  func `come out as the file says`(file: String) throws {
    let text = try repositoryFile("Tests/Plans/\(file)")
    let now = try PlanScenario.replay(text)
    if now != text, ProcessInfo.processInfo.environment["HOLDFAST_REWRITE_PLANS"] != nil {
      try writeRepositoryFile("Tests/Plans/\(file)", now)
    } else {
      #expect(now == text)
    }
  }

  @Test(arguments: try repositoryFiles(in: "Policies").filter { $0.hasSuffix(".yaml") })
  func `every ready-made file is read without a warning, and planned in a scenario`(file: String) throws {
    let (policies, warnings) = try PolicyFile.parse(text: try repositoryFile("Policies/\(file)"), file: file)
    #expect(warnings.isEmpty)
    #expect(policies != .none)
    let scenarios = try repositoryFiles(in: "Tests/Plans").filter {
      try repositoryFile("Tests/Plans/\($0)").contains("file: Policies/\(file)\n")
    }
    #expect(!scenarios.isEmpty)
  }
}
