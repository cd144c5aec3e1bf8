import HoldfastAPI

/// The version of this build.
public let holdfastVersion = buildVersion
