import ArgumentParser
import HoldfastOperator

/// What a shell offers for a word: asked of the daemon when somebody presses Tab. A daemon that is not there offers nothing.
extension CompletionKind {
  static var workloads: CompletionKind {
    .custom { words, _, _ async in
      let list = try? await client(words).get("/workloads", as: WorkloadList.self)
      return list?.workloads.map(\.name) ?? []
    }
  }

  static var nodes: CompletionKind {
    .custom { words, _, _ async in
      let list = try? await client(words).get("/nodes", as: NodeList.self)
      return list?.nodes.map(\.name) ?? []
    }
  }

  /// Domains of this node that are not protected yet.
  static var domains: CompletionKind {
    .custom { words, _, _ async in
      let list = try? await client(words).get("/domains", as: DomainList.self)
      return list?.domains.filter { $0.workload == nil }.map(\.name) ?? []
    }
  }

  static var yaml: CompletionKind { .file(extensions: ["yaml"]) }

  /// The socket that the line names so far, else the usual one.
  private static func client(_ words: [String]) -> DaemonClient {
    let named = words.firstIndex(of: "--socket").flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
    return DaemonClient(socket: DaemonOptions.path(named), readLimit: 2)
  }
}
