import HoldfastController
import HoldfastModel
import Simulator

extension Mutant {
  static let hypervisors: [Mutant] = [
    Mutant("a hypervisor that does not answer counts as one without domains") {
      EventMutant { event, _ in
        guard case .hypervisor(.unreachable(let connection, _)) = event else { return [event] }
        return [.hypervisor(.inventory(connection: connection, domains: []))]
      }
    },
    Mutant("a stop counts when it was asked for, not when it was seen") { HastyRelease() },
    Mutant("a start that was not answered counts as one that failed") {
      EventMutant { event, _ in
        if case .operation(let name, .start, .unknown(let reason)) = event {
          [.operation(name, .start, .failed(reason: reason))]
        } else {
          [event]
        }
      }
    },
    Mutant("starts that are still on their way are not barred") { UnbarredStarts() },
    Mutant("a workload that is to stop and does not is let run") {
      ActionMutant { action, _ in
        guard case .stop(let name, let id, let uuid, let grace) = action, grace > .zero else { return [action] }
        return [.stop(name, id, uuid: uuid, grace: .seconds(3600))]
      }
    },
    Mutant("what is observed of a domain forgets its mark") {
      EventMutant { event, _ in
        switch event {
        case .hypervisor(.changed(var domain)):
          domain.mark = nil
          return [.hypervisor(.changed(domain))]
        case .hypervisor(.inventory(let connection, let domains)):
          let bare = domains.map { domain in
            var domain = domain
            domain.mark = nil
            return domain
          }
          return [.hypervisor(.inventory(connection: connection, domains: bare))]
        default: return [event]
        }
      }
    }
  ]
}

/// As soon as a stop is asked for, the controller believes that the domain is gone.
private final class HastyRelease: Tampering {
  private var believed: [DomainID] = []

  func actions(for action: Action, _ scene: Scene) -> [Action] {
    if case .stop(_, let id, _, _) = action { believed.append(id) }
    return [action]
  }

  func events(for event: Event, _ scene: Scene) -> [Event] {
    defer { believed = [] }
    return [event] + believed.map { .hypervisor(.gone($0, reason: "it was asked to stop")) }
  }
}

/// No placeholder is made, and the controller believes that there is one.
private final class UnbarredStarts: Tampering {
  private var believed: [WorkloadName] = []

  func actions(for action: Action, _ scene: Scene) -> [Action] {
    guard case .bar(let name, _, _, _) = action else { return [action] }
    believed.append(name)
    return []
  }

  func events(for event: Event, _ scene: Scene) -> [Event] {
    defer { believed = [] }
    return [event] + believed.map { .operation($0, .bar, .done) }
  }
}
