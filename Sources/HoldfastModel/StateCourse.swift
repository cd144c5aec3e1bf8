/// The states of a machine, and which of them may follow which.
package protocol StateList: Hashable, Sendable {
  /// Whether `next` may follow this state: the same again only where that is listed too.
  func mayBecome(_ next: Self) -> Bool
}

/// A machine's state. It changes by `move` alone, which looks the transition up in the list of the legal ones. An illegal one is a defect of the
/// controller: it is kept here, the simulator takes it for a violation, and in production the node is isolated (`Controller.breach`).
package struct StateCourse<State: StateList>: Hashable, Sendable {
  package private(set) var state: State
  /// The first transition that was not legal; nil: all were.
  package private(set) var breach: String?

  package init(_ state: State) { self.state = state }

  package mutating func move(to next: State) {
    if !state.mayBecome(next), breach == nil { breach = "\(State.self) went from \(state) to \(next)" }
    state = next
  }

  /// Another story begins: what the machine was about is not this node's any more, or what it knew does not hold. That is no transition, and is listed
  /// nowhere; the diagrams end there. A breach that was found stays.
  package mutating func beginAnew(as state: State) { self.state = state }
}
