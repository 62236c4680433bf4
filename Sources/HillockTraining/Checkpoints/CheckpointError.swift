/// A checkpoint that this run cannot continue from, told in one line.
public enum CheckpointError: Error, Sendable, Hashable {
    /// The file is a safetensors file, but not a checkpoint, or one of another version.
    case notACheckpoint(path: String, reason: String)
    /// The checkpoint was made with another value of a setting.
    case otherSetting(path: String, name: String, saved: String, given: String)
    /// A tensor that the run needs is missing or of another type.
    case tensor(path: String, name: String, got: String?, expected: String)
}

extension CheckpointError: CustomStringConvertible {
    /// The whole error in one line.
    public var description: String {
        switch self {
        case .notACheckpoint(let path, let reason):
            "\(path): not a checkpoint of a training run: \(reason)"
        case .otherSetting(let path, let name, let saved, let given):
            "\(path): the run was started with \(name) \(saved), not \(given); leave the option out, or start a new run"
        case .tensor(let path, let name, let got?, let expected):
            "\(path): \(name) is \(got), expected \(expected)"
        case .tensor(let path, let name, nil, let expected):
            "\(path): \(name) is missing, expected \(expected)"
        }
    }
}
