import HillockCore
import HillockNN

/// A convolutional network after LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition" (1998), with
/// today's parts: 3×3 kernels, rectifiers, max pooling and dropout. `[N, 1, H, W] → [N, classes]`, logits.
///
/// 1,199,882 parameters for MNIST. Expected on its 10,000 test digits after 5 epochs: 99.2 % or more.
/// Checkpoint names: `conv1.weight`, `conv1.bias`, `conv2.…`, `hidden.…`, `output.…`.
public struct LeNet: Layer {
    /// 32 features of 3×3 pixels.
    public let conv1: Conv2d
    /// 64 features of 3×3 of those.
    public let conv2: Conv2d
    /// From all of them to 128 units.
    public let hidden: Linear
    /// From 128 units to the classes.
    public let output: Linear
    private let pool = MaxPool2d(kernel: 2)
    private let dropout = Dropout(0.25)
    private let hiddenDropout = Dropout(0.5)

    /// The smallest height and width of images: two convolutions take two pixels each, pooling halves the rest.
    public static let minimumSize = 6

    /// A network for images of this size.
    public init(height: Int, width: Int, classes: Int) {
        conv1 = Conv2d(1, 32, kernel: 3)
        conv2 = Conv2d(32, 64, kernel: 3)
        hidden = Linear(64 * ((height - 4) / 2) * ((width - 4) / 2), 128)
        output = Linear(128, classes)
    }

    /// Logits of each image's classes.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        var y = relu(conv1(x))  // [N, 32, H − 2, W − 2]
        y = dropout(pool(relu(conv2(y))))  // [N, 64, (H − 4) / 2, (W − 4) / 2]
        y = hiddenDropout(relu(hidden(y.flattened(axes: 1...3))))  // [N, 128]
        return output(y)
    }
}
