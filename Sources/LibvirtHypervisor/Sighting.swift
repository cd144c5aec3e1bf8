import DomainXML
import HoldfastModel
import HoldfastTime

/// What seldom changes while a domain runs: it is asked for when something is known to have changed, and now and then, as not every change is told.
package struct Run: Sendable {
  package var uuid: String
  /// libvirt's number for it.
  package var number: Int32
  package var mark: ClaimMark?
  package var memory: Int
  package var vcpus: Int
  package var links: [String]
  /// nil when it is not known.
  package var process: WatchedProcess?
  /// libvirt runs it, but the process that it names does not exist.
  package var lostProcess = false
  package var cgroup: String?
  /// Why it goes on answering while it is frozen; nil: it does not.
  package var frozenNetwork: FrozenNetwork?
  /// Disks, network cards and so on; nil: not known.
  package var hardware: DomainHardware?
  /// How many libvirt has of it; nil: none, or not known.
  package var snapshots: Int?
  /// Its definition says that it is kept when it crashes.
  package var staysCrashed = false
  /// Tells whether the XML is still the one that all this was read from.
  package var reading: (text: String, at: BootInstant)?
  /// Something of it changed: it must be asked for again.
  package var isStale = false
  /// What keeps its XML from being read.
  package var flaw: String?

  /// Of one of which no more is known yet.
  package init(uuid: String, number: Int32) {
    self.uuid = uuid
    self.number = number
    (memory, vcpus, links) = (0, 0, [])
    isStale = true
  }

  package init(uuid: String, number: Int32, xml: DomainDocument) {
    self.uuid = uuid
    self.number = number
    (memory, vcpus, links) = (0, 0, [])
    read(xml)
  }

  package mutating func read(_ xml: DomainDocument) {
    mark = xml.mark
    memory = xml.memory
    vcpus = xml.vcpus
    links = xml.links
    hardware = xml.hardware
    staysCrashed = xml.onCrash == "preserve"
    flaw = nil
  }

  /// Its process is known to have ended.
  package var hasEnded: Bool { lostProcess || process?.isAlive == false }
}

/// What one look at a domain found.
package enum Sighting: Sendable {
  /// libvirt says that it is active.
  case active(DomainObservation, Run)
  /// libvirt has nothing active of that name, but processes are left, or it cannot be told.
  case leftover(DomainObservation, Run)
  case absent

  package var told: (observation: DomainObservation, run: Run)? {
    switch self {
    case .active(let observation, let run), .leftover(let observation, let run): (observation, run)
    case .absent: nil
    }
  }

  /// What stays as it is while the domain runs must be asked for again.
  mutating func makeStale() {
    guard case .active(let observation, var run) = self else { return }
    run.isStale = true
    self = .active(observation, run)
  }

  /// The same, when a later look could not tell.
  package var unclear: Sighting {
    switch self {
    case .active(var observation, let run):
      observation.state = .unclear
      observation.reason = .noAnswer
      return .active(observation, run)
    case .leftover, .absent: return self
    }
  }
}
