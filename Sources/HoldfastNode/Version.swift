/// The version of this build.
public let holdfastVersion = "0.1.0"
