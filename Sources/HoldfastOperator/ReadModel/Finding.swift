/// One thing that a diagnosis finds: what is wrong, in sentences, and what to type next.
protocol Finding {
  var reasons: [String] { get }
  var steps: [ClusterStatus.Step] { get }
}
