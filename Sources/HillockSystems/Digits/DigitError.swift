import Foundation

/// A picture, a weights file or a run that the digit system cannot use, told in one line.
public enum DigitError: Error, Sendable, Hashable {
    /// The picture has no ink: its greys differ too little.
    case blank(path: String)
    /// A weights file is not one of this system.
    case notDigitWeights(path: String, reason: String)
    /// Weights are of another architecture: tensors that are missing, unexpected, or of another shape.
    case otherArchitecture(path: String, model: String, details: String)
    /// Images are smaller than the network can take.
    case imagesTooSmall(height: Int, width: Int, model: String, minimum: Int)
    /// Test images are not of the size or classes that the network was trained on.
    case otherData(path: String, what: String, trained: String, given: String)
    /// A setting is outside its range.
    case setting(name: String, value: String, expected: String)
    /// The folder holds a run already.
    case runExists(folder: String)
    /// Another process is training in the folder.
    case busy(folder: String)
    /// There is nothing to resume in the folder.
    case nothingToResume(folder: String, reason: String)
}

extension DigitError: CustomStringConvertible, LocalizedError {
    /// The whole error in one line.
    public var description: String {
        switch self {
        case .blank(let path):
            "\(path): the picture is blank: all of its pixels are nearly the same grey"
        case .notDigitWeights(let path, let reason):
            "\(path): not weights of a digit network: \(reason)"
        case .otherArchitecture(let path, let model, let details):
            "\(path): these are not weights of \(model): \(details)"
        case .imagesTooSmall(let height, let width, let model, let minimum):
            "images are \(height) x \(width) pixels, \(model) needs at least \(minimum) x \(minimum); use the model mlp"
        case .otherData(let path, let what, let trained, let given):
            "\(path): these weights were trained on \(trained), the data has \(given) (\(what))"
        case .setting(let name, let value, let expected):
            "\(name) is \(value), expected \(expected)"
        case .runExists(let folder):
            "\(folder): the folder holds a run already; go on with it by --resume \(folder), or choose another folder"
        case .busy(let folder):
            "\(folder): another process is training in this folder"
        case .nothingToResume(let folder, let reason):
            "\(folder): there is no run to resume: \(reason)"
        }
    }

    /// The same line as ``description``.
    public var errorDescription: String? { description }
}
