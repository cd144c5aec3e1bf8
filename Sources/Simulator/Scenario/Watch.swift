/// Follows every expectation through a run.
struct Watches {
  private var all: [Watch]
  /// Those whose statements change by mere time.
  private let timed: [Int]
  /// Every moment that one of them names.
  let moments: [Moment]
  private var next = 0
  /// The chronicle's, when all were looked at last.
  private var version = -1

  init(_ expectations: [Expectation], from: Moment, to: Moment) {
    let all = expectations.map { Watch($0, from: from, to: to) }
    self.all = all
    timed = all.indices.filter { all[$0].isTimed }
    moments = Set(all.flatMap(\.moments)).sorted()
  }

  /// Before anything happens.
  mutating func begin(_ world: World) { for index in all.indices { all[index].begin(world) } }

  /// After something happened: looks at all only when they can have changed, or when a moment that one of them names has come or comes next.
  mutating func look(_ world: World) {
    while next < moments.count, moments[next] < world.now { next += 1 }
    let isDue = next < moments.count && world.nextMoment.map { $0 >= moments[next] } ?? true
    let present = world.chronicle?.version ?? 0
    guard isDue || present != version else {
      for index in timed { all[index].look(world) }
      return
    }
    version = present
    for index in all.indices { all[index].look(world) }
  }

  /// The end has come: what was not met, when, and what was found instead.
  mutating func close(_ world: World) -> [(Expectation, at: Moment, found: String)] {
    for index in all.indices { all[index].close(world) }
    return all.compactMap { watch in watch.failure.map { (watch.expectation, $0.at, $0.found) } }
  }
}

/// Follows one expectation through a run.
private struct Watch {
  let expectation: Expectation
  private let from: Moment
  private let to: Moment
  private(set) var failure: (at: Moment, found: String)?
  private var isMet = false
  /// How many statements of an order were met.
  private var reached = 0
  /// For what is to come: whether it was so at the last look, and whether it ever was not.
  private var wasSo = false
  private var ceased = false

  init(_ expectation: Expectation, from: Moment, to: Moment) {
    self.expectation = expectation
    self.from = from
    self.to = to
  }

  var moments: [Moment] {
    guard case .state(let when, _) = expectation.what else { return [] }
    switch when {
    case .at(let span): return [from + span]
    case .comes(let start, let end), .during(let start, let end): return [from + start, from + end]
    case .never: return []
    }
  }

  var isTimed: Bool {
    switch expectation.what {
    case .state(_, let statement): statement.isTimed
    case .order(let statements): statements.contains(where: \.isTimed)
    }
  }

  mutating func begin(_ world: World) {
    if case .state(.comes, let statement) = expectation.what { wasSo = statement.holds(in: world) }
  }

  mutating func look(_ world: World) {
    guard failure == nil, !isMet else { return }
    switch expectation.what {
    case .state(.at(let span), let statement):
      // After everything that happens at that very moment.
      if world.now >= from + span, world.nextMoment.map({ $0 > from + span }) ?? true {
        if statement.holds(in: world) { isMet = true } else { fail(statement, world) }
      }
    case .state(.comes(let start, let end), let statement): lookForComing(statement, start, end, world)
    case .state(.during(let start, let end), let statement):
      if world.now > from + end {
        isMet = true
      } else if world.now >= from + start, !statement.holds(in: world) {
        fail(statement, world)
      }
    case .state(.never, let statement):
      if statement.holds(in: world) { failure = (world.now, statement.finding(in: world)) }
    case .order(let statements):
      while reached < statements.count, statements[reached].holds(in: world) { reached += 1 }
      isMet = reached == statements.count
    }
  }

  /// What was so just before the time, before anything that happens at it, does not count.
  private mutating func lookForComing(_ statement: Statement, _ start: Span, _ end: Span, _ world: World) {
    guard world.now >= from + start else {
      if world.nextMoment.map({ $0 >= from + start }) ?? true { wasSo = statement.holds(in: world) }
      return
    }
    let isSo = statement.holds(in: world)
    if !isSo { ceased = true }
    let isOver = world.now >= from + end && world.nextMoment.map { $0 > from + end } ?? true
    if isSo, !wasSo { isMet = true } else if isOver { didNotCome(statement, start, world) }
    wasSo = isSo
  }

  private mutating func didNotCome(_ statement: Statement, _ start: Span, _ world: World) {
    guard !ceased else { return fail(statement, world) }
    let since = start == .zero ? "from the beginning" : "before \(start) already"
    failure = (world.now, "it was so \(since), and did not cease; 'at' and 'settled' ask for no more than that")
  }

  /// The end has come.
  mutating func close(_ world: World) {
    guard failure == nil, !isMet else { return }
    switch expectation.what {
    case .state(.at, let statement):
      if !statement.holds(in: world) { fail(statement, world) }
    case .state(.comes(let start, let end), let statement):
      lookForComing(statement, start, end, world)
    case .state(.during, _), .state(.never, _): break
    case .order(let statements):
      let met = reached == 0 ? "not even the first came true" : "only \(reached) of \(statements.count) came true in this order"
      failure = (world.now, "\(met); \(statements[reached].finding(in: world))")
    }
  }

  private mutating func fail(_ statement: Statement, _ world: World) {
    failure = (world.now, statement.finding(in: world))
  }
}
