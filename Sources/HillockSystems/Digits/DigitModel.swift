import HillockNN

/// The networks that can learn to recognise digits.
public enum DigitModel: String, CaseIterable, Sendable, Codable {
    /// A perceptron with two hidden layers: ``MLP``.
    case mlp
    /// A convolutional network: ``LeNet``.
    case lenet

    /// Name for people.
    public var title: String {
        switch self {
        case .mlp: "MLP"
        case .lenet: "LeNet"
        }
    }

    /// A new network for images of this size. Its weights depend on the task's random source.
    /// - Throws: ``DigitError/imagesTooSmall(height:width:model:minimum:)``
    public func make(height: Int, width: Int, classes: Int) throws(DigitError) -> any Layer {
        switch self {
        case .mlp: return MLP(pixels: height * width, classes: classes)
        case .lenet:
            guard min(height, width) >= LeNet.minimumSize else {
                throw .imagesTooSmall(height: height, width: width, model: rawValue, minimum: LeNet.minimumSize)
            }
            return LeNet(height: height, width: width, classes: classes)
        }
    }
}
