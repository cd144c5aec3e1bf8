import HoldfastModel
import HostParts
import Simulator

extension Mutant {
  /// Found in storms in which workloads are made of parts of the host, and these fail.
  static let parts: [Mutant] = [
    Mutant("parts are stopped in the order in which they were started", breaks: .partsInOrder, withParts: true) {
      StopsInOrder()
    },
    Mutant("a workload is told as gone while a mount of it is left", breaks: .leftIsTold, withParts: true) {
      PartEventMutant { event, scene in
        guard case .stopping = scene.sequence.standing else { return event }
        return switch event {
        case .answered(let command, _, _): .answered(command, .down, processes: 0)
        case .looked(let command, _): .looked(command, .none)
        default: event
        }
      }
    },
    Mutant("a start of a part goes on through a freeze, past its claim", withParts: true) { UncoveredStarts() },
    Mutant("a controller that starts finds no workload made of parts", withParts: true) { ForgottenParts() },
    Mutant("a part of which nobody knows how it is counts as down", breaks: .partsInOrder, withParts: true) {
      PartEventMutant { event, _ in
        guard case .answered(let command, .unknown, _) = event else { return event }
        return .answered(command, .down, processes: 0)
      }
    },
    Mutant("a part that ended is not noticed", breaks: .partsTogether, withParts: true) {
      PartEventMutant { event, scene in
        guard scene.sequence.standing == .up, case .answered(let command, _, let processes) = event else { return event }
        return .answered(command, .up, processes: processes)
      }
    }
  ]
}

/// Changes what sequences of parts are told, one by one.
private final class PartEventMutant: Tampering {
  private let change: (PartSequence.Event, PartScene) -> PartSequence.Event

  init(_ change: @escaping (PartSequence.Event, PartScene) -> PartSequence.Event) { self.change = change }

  func partEvents(for event: PartSequence.Event, _ scene: PartScene) -> [PartSequence.Event] { [change(event, scene)] }
}

/// While a workload is being stopped, what is done to the last part is done to the first, and so on.
private final class StopsInOrder: Tampering {
  private var turned: Set<PartCommand> = []

  func partActions(for action: PartSequence.Action, _ scene: PartScene) -> [PartSequence.Action] {
    guard case .stopping = scene.sequence.standing else { return [action] }
    switch action {
    case .stop(let command, let until): return [.stop(turn(command, scene), until: until)]
    case .ask(let command, let until): return [.ask(turn(command, scene), until: until)]
    default: return [action]
    }
  }

  private func turn(_ command: PartCommand, _ scene: PartScene) -> PartCommand {
    let other = Self.other(command, scene)
    turned.insert(other)
    return other
  }

  private static func other(_ command: PartCommand, _ scene: PartScene) -> PartCommand {
    PartCommand(part: scene.sequence.parts.count - 1 - command.part, serial: command.serial)
  }

  func partEvents(for event: PartSequence.Event, _ scene: PartScene) -> [PartSequence.Event] {
    switch event {
    case .ended(let command, let end) where turned.remove(command) != nil: [.ended(Self.other(command, scene), end)]
    case .answered(let command, let answer, let processes) where turned.remove(command) != nil:
      [.answered(Self.other(command, scene), answer, processes: processes)]
    default: [event]
    }
  }
}

/// What starts a part runs outside of the cgroup that the guard freezes and kills.
private final class UncoveredStarts: Tampering {
  var coversStarts: Bool { false }
}

private final class ForgottenParts: Tampering {
  func foundParts(_ found: [WorkloadName]) -> [WorkloadName] { [] }
}
