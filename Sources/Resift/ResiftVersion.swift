/// The version of this package.
public enum ResiftVersion {
    public static let current = "0.1.0"
}
