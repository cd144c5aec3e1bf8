/// For how long a workload has run well: what failed before is forgiven then.
enum Wellness: Hashable, Sendable { case unproven, forAWhile, forLong }
