import HillockCore
import HillockFormats

/// Makes a picture of any size look as the training images do.
///
/// As MNIST was made (LeCun, Bottou, Bengio, Haffner 1998, section III.A): the ink's bounding box is scaled to fit 20×20 pixels, keeping its
/// proportions, with antialiasing, and put into a field of 28×28 so that its centre of mass is the centre of the field. Whether ink is dark
/// or light is told from the picture's border. Specks are dropped, and strokes that scaling would make thinner than a pixel are thickened.
public struct ImagePreparation: Sendable, Hashable {
    /// Rows and columns of the result.
    public let height: Int, width: Int
    /// Rows and columns of the box that the ink is scaled to fit.
    public let boxHeight: Int, boxWidth: Int

    /// How training images were made from pictures.
    public enum Style: String, Sendable, Hashable, Codable {
        /// As MNIST: the ink takes 20/28 of the field, its centre of mass in the middle.
        case character
        /// As Fashion-MNIST: the thing fills the field (Xiao, Rasul, Vollgraf 2017).
        case thing
    }

    /// For images of this size.
    public init(height: Int = 28, width: Int = 28, style: Style = .character) {
        self.height = height
        self.width = width
        boxHeight = style == .thing ? height : max(1, (height * 20 + 14) / 28)
        boxWidth = style == .thing ? width : max(1, (width * 20 + 14) / 28)
    }

    /// The result for a `u8` picture `[H, W, 1]` of greys: `u8`, `[height, width]`, 0 is background and 255 the strongest ink.
    ///
    /// - Parameter path: where the picture is from, for messages.
    /// - Throws: ``DigitError/blank(path:)``
    public func callAsFunction(_ picture: HostArray, path: String) throws -> HostArray {
        guard var ink = Plane.ink(of: Plane.shrunk(picture)) else { throw DigitError.blank(path: path) }
        ink.dropSpecks()
        guard let box = ink.boundingBox else { throw DigitError.blank(path: path) }
        var digit = ink.cropped(box)
        let scale = min(Double(boxHeight) / Double(digit.height), Double(boxWidth) / Double(digit.width))
        digit.thicken(to: 1.6 / scale)
        let size = (
            height: min(boxHeight, max(1, Int((Double(digit.height) * scale).rounded()))),
            width: min(boxWidth, max(1, Int((Double(digit.width) * scale).rounded())))
        )
        digit = digit.resized(height: size.height, width: size.width)
        digit.stretch()
        return digit.placed(height: height, width: width)
    }
}
