import HoldfastModel
import HoldfastPlanning

/// One workload as it is known, made once when its turn comes: the records about it, what is seen of it here, what the rules say. Everything
/// else about it follows.
struct WorkloadFacts: Sendable {
  let name: WorkloadName
  let spec: Stored<SpecRecord>?
  let intent: Stored<IntentRecord>?
  let placement: Stored<PlacementRecord>?
  let claim: Stored<ClaimRecord>?
  /// One of its records cannot be read: it is left alone.
  let isUnreadable: Bool
  /// Its holder's session stands, or cannot be read: it may be executed there.
  let isHeld: Bool
  /// The domain of its spec; nil without one.
  let id: DomainID?
  let sight: LocalDomains.Sight
  /// A copy of it that is not of the last run under its claim.
  let staleCopy: DomainObservation?

  /// Its domain here, compared with its definition; nil: there is none, or nothing is known of its hardware.
  let hardware: HardwareBook.Page?

  /// This node leaves, and the workload waits for it to come back: it goes down with the node.
  private(set) var goesDown = false

  private let me: NodeName
  private let cluster: String
  private let incarnation: Incarnation?

  // Borrowed: an initialiser takes over what it is given, and a copy of all that is known is not for free.
  /// - Parameter incarnation: of this node's standing session.
  init(_ name: WorkloadName, _ facts: borrowing Facts, under incarnation: Incarnation?) {
    self.name = name
    spec = facts.view.specs[name]
    intent = facts.view.intents[name]
    placement = facts.view.placements[name]
    claim = facts.view.claims[name]
    isUnreadable = facts.view.isUnreadable(name)
    isHeld = facts.view.isHeld(claim?.value)
    id = spec.map { DomainID(connection: $0.value.connection, name: name.text) }
    sight = if let id { facts.local.sight(of: id) } else { .unknown }
    staleCopy = facts.staleCopy(of: name)
    hardware = facts.hardware[name]
    me = facts.me
    cluster = facts.configuration.cluster
    self.incarnation = incarnation
  }

  // MARK: the claim

  /// The claim names this node's standing session.
  var isClaimed: Bool {
    guard let holder = claim?.value.holder, let incarnation else { return false }
    return holder == .init(node: me, incarnation: incarnation)
  }

  /// Another node holds the claim, or nobody does: whatever its other records say, nothing of an earlier epoch may run here.
  var isAnothers: Bool { claim.map { $0.value.holder?.node != me } ?? false }

  /// The claim names this node, be it of a session that stands or of an earlier one.
  var namesThisNode: Bool { claim != nil && !isAnothers }

  var epoch: Epoch { claim?.value.epoch ?? .none }
  var migration: ClaimRecord.Migration? { claim?.value.migration }

  /// An earlier session of this node held it last.
  var wasHere: Bool { claim?.value.holder?.node == me && !isHeld }

  // MARK: what is wanted

  /// Without the record, what this node runs goes on, where the other records prove that it was to run, and nothing else begins.
  var desired: IntentRecord.Desired? { intent?.value.desired ?? (isProvenWanted ? .running : nil) }

  private var isProvenWanted: Bool {
    lacksIntent && (isClaimed || wasHere) && claim?.value.provesWanted(placement?.value) == true
  }

  /// The record of what is wanted of it is missing, which no command brings about.
  var lacksIntent: Bool { spec != nil && intent == nil && !isUnreadable }

  var isUnprotecting: Bool { desired == .unprotected }
  var isAdopting: Bool { desired == .adopting && intent?.value.adopter == me }

  /// The operator and the planner want it to run here, and so it is to be.
  var isWantedHere: Bool { desired == .running && placement?.value.node == me && !goesDown }

  /// Why it is not to run here.
  var whyItLeaves: ReleaseReason {
    switch desired {
    case .stopped: .stopped
    case nil: .nobodyKnows
    case .running, .adopting, .unprotected: goesDown ? .waitsForNode : .moves(to: placement?.value.node)
    }
  }

  /// The errand: what is to be done once with what runs here.
  var errand: IntentRecord.Errand? { intent?.value.errand }

  /// On a node that leaves, what waits for its node (`failover: wait`) keeps its place and is stopped: it would run on as long as the wait is. When no
  /// node stays, all of it waits so.
  mutating func goDownWithNode(_ stance: Stance, _ rules: RulesInForce) {
    guard stance.isLeaving, desired == .running, placement?.value.node == me, let spec else { return }
    goesDown = stance.leavesLast || rules.settings(of: name, spec.value).failover.wait.map { $0 > 0 } ?? false
  }

  /// The claim is to be this node's: to run the workload, or to let it leave protection in peace.
  var isClaimWantedHere: Bool { placement?.value.node == me && (isWantedHere || isUnprotecting) }

  // MARK: the domain

  /// The domain of its spec, as it was last seen, though its connection may not answer now.
  func observation(in local: LocalDomains) -> DomainObservation? { id.flatMap { local.domains[$0] } }

  /// The same, where its connection answers.
  var observed: DomainObservation? { if case .present(let domain) = sight { domain } else { nil } }

  /// A copy of it is seen here.
  var isSeen: Bool {
    guard let observed, let spec = spec?.value else { return false }
    return isCopy(observed, spec)
  }

  func isMarked(_ domain: DomainObservation) -> Bool { domain.mark?.cluster == cluster }

  /// The domain is the workload, by its UUID or by our mark: a copy that was started before the spec got another UUID is one too.
  func isCopy(_ domain: DomainObservation, _ spec: SpecRecord) -> Bool {
    domain.uuid == spec.uuid || isMarked(domain) && domain.mark?.workload == name.text
  }

  /// The domain was marked on the way to protection, and the claim to the mark never came.
  func wasAdoptedHalfway(_ domain: DomainObservation) -> Bool {
    guard let mark = domain.mark, mark.cluster == cluster else { return false }
    return mark.epoch > epoch
  }

  /// It does not carry its claim's mark alone: somebody gave it a definition of libvirt's own, or its claim was taken anew.
  func lacksMark(_ domain: DomainObservation) -> Bool {
    domain.persistent || domain.mark != mark(at: epoch, definition: nil)
  }

  /// - Parameter definition: what the domain was started from.
  func mark(at epoch: Epoch, definition: String?) -> ClaimMark {
    ClaimMark(cluster: cluster, workload: name.text, epoch: epoch, definition: definition)
  }

  // MARK: its disks

  /// Disks on which it runs here and that its definition lags behind; nil: not known.
  var newerDisks: [String: OtherDisk]? { hardware?.newerDisks(claim?.value) }

  /// Why it must not be started from its definition; nil: it may be.
  func startRefusal(_ reader: any HardwareReader) -> StartFailure? {
    guard let newer = claim?.value.newerDisks, !newer.isEmpty, let spec = spec?.value, let stored = reader.read(spec.xml) else {
      return nil
    }
    let disks = newer.filter { stored.opens($0.value.stored, as: $0.key) }
    return disks.isEmpty ? nil : .olderDefinition(name, disks)
  }

  // MARK: a live migration, at its target

  /// A domain of it may come here, by a migration that its holder wants.
  var isArriving: Bool {
    guard let claim = claim?.value, let migration = claim.migration, migration.step != .arrived, let incarnation,
      migration.target == .init(node: me, incarnation: incarnation)
    else { return false }
    return isHeld && claim.holder != migration.target
  }

  /// This is the domain that comes here, and no copy that was left from before: its mark came with it.
  func isArriving(_ domain: DomainObservation) -> Bool {
    isArriving && domain.state != .running && isMarked(domain) && domain.mark?.epoch == claim?.value.epoch
  }

  /// Nothing else of it is here for certain.
  var isOnlyArriving: Bool {
    guard isArriving, spec != nil else { return false }
    return switch sight {
    case .unknown: false
    case .absent: true
    case .present(let domain): isArriving(domain)
    }
  }

  /// This node holds the claim by a migration, and what arrived has not been seen to go on.
  var hasArrived: Bool { migration?.step == .arrived && claim?.value.activity != .running }
}

extension WorkloadFacts {
  /// A clause: how what crashed here and is kept is started anew.
  func wayOutOfCrash(on me: NodeName) -> String {
    claim?.value.newerDisks == nil
      ? "`holdfast restart \(name)` starts it anew"
      : "`holdfast accept \(name) --running` on \(me) takes its disks as its definition, and `holdfast restart \(name)` starts it anew then"
  }
}
