/// The states of a machine, and which of them may follow which.
public protocol StateList: Hashable, Sendable {
  /// Whether `next` may follow this state: the same again only where that is listed too.
  func mayBecome(_ next: Self) -> Bool
}

/// A machine's state. It changes by `move` alone, which looks the transition up in the list of the legal ones. An illegal one is a defect of the
/// controller: it is kept here, the simulator takes it for a violation, and in production the node is isolated (`Controller.breach`).
///
/// Inlinable, so that the compiler makes it for each list of states in its module: otherwise every machine that is made, moved and compared looks its
/// type up at run time, which took a tenth of the simulator's time.
@frozen
public struct StateCourse<State: StateList>: Hashable, Sendable {
  @usableFromInline var current: State
  @usableFromInline var illegal: String?

  @inlinable
  public init(_ state: State) {
    current = state
    illegal = nil
  }

  @inlinable public var state: State { current }
  /// The first transition that was not legal; nil: all were.
  @inlinable public var breach: String? { illegal }

  @inlinable
  public mutating func move(to next: State) {
    if !current.mayBecome(next), illegal == nil { illegal = Self.breach(from: current, to: next) }
    current = next
  }

  // Not inlined: where the compiler knows the type, it writes a private one's name with its file's number.
  @usableFromInline @inline(never)
  static func breach(from state: State, to next: State) -> String { "\(State.self) went from \(state) to \(next)" }

  /// Another story begins: what the machine was about is not this node's any more, or what it knew does not hold. That is no transition, and is listed
  /// nowhere; the diagrams end there. A breach that was found stays.
  @inlinable
  public mutating func beginAnew(as state: State) { current = state }

  @inlinable
  public static func == (a: Self, b: Self) -> Bool { a.current == b.current && a.illegal == b.illegal }

  @inlinable
  public func hash(into hasher: inout Hasher) {
    hasher.combine(current)
    hasher.combine(illegal)
  }
}
