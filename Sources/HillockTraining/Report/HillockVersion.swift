/// The version of this package.
public enum HillockVersion {
    /// As in `hillock --version`.
    public static let current = "0.1.0"
}
