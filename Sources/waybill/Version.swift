/// The version of this program (semver.org).
let version = "0.1.0"
