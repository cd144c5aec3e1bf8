import HoldfastAPI
import HoldfastModel
import HoldfastOperator

/// What can be said of workload files without a cluster.
struct WorkloadFileCheck: Encodable {
  var isUsable = true
  var files: [String]
  /// The names of the workloads that they define.
  var workloads: [String]

  /// - Throws: the first thing in the definitions, alone or together, that no cluster would take.
  init(_ sources: WorkloadSources) throws {
    files = sources.files
    workloads = sources.definitions.map(\.name)
    do throws(OperatorError) {
      var specs: [(name: WorkloadName, spec: SpecRecord)] = []
      // UUIDs that nobody gives follow from the names, in whichever cluster.
      for definition in sources.definitions {
        specs.append((WorkloadName(definition.name), try definition.spec(cluster: "any", present: nil)))
      }
      try checkTogether(specs)
    } catch {
      throw Failure(ErrorBody(error))
    }
  }

  var line: String {
    "\(Words.count(workloads.count, "workload")) in \(Words.count(files.count, "file")), no mistakes. "
      + "`holdfast apply --dry-run` shows what they would change in the cluster."
  }
}
