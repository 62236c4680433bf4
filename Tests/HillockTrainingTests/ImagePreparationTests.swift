import Hillock
import HillockSystems
import TestFolders
import Testing

/// A grey picture to draw on.
struct Canvas {
    let height: Int
    let width: Int
    var pixels: [UInt8]

    init(height: Int, width: Int, paper: UInt8) {
        self.height = height
        self.width = width
        pixels = [UInt8](repeating: paper, count: height * width)
    }

    /// Copies an image `[h, w]`, each of its pixels as a square of `scale` pixels, ink mixed with what is there.
    mutating func draw(_ image: [UInt8], imageWidth: Int, scale: Int, top: Int, left: Int, ink: UInt8) {
        for (index, amount) in image.enumerated() {
            let (y, x) = index.quotientAndRemainder(dividingBy: imageWidth)
            for row in 0..<scale {
                for column in 0..<scale {
                    let place = (top + y * scale + row) * width + left + x * scale + column
                    let mixed: Int = Int(pixels[place]) * (255 - Int(amount)) + Int(ink) * Int(amount)
                    pixels[place] = UInt8((mixed + 127) / 255)
                }
            }
        }
    }

    /// As PNG files are read.
    var picture: HostArray { HostArray(pixels, shape: [height, width, 1]) }
}

/// The pixels of a digit of the built-in test set.
func digit(_ index: Int, of images: LabelledImages) -> [UInt8] {
    Array(bytes(images.images)[index * 784..<(index + 1) * 784])
}

struct ImagePreparationTests {
    private let images: LabelledImages
    private let prepare = ImagePreparation()

    init() throws { images = try ImageDataset.load("mnist-5k").test }

    /// Mean difference of two images' pixels.
    private func distance(_ a: [UInt8], _ b: [UInt8]) -> Double {
        zip(a, b).reduce(0) { $0 + abs(Double($1.0) - Double($1.1)) } / Double(a.count)
    }

    /// MNIST's digits are already what preparation makes, so they must come out as they went in.
    @Test func digitsOfTheDataSetStayAsTheyAre() throws {
        var changed = 0
        for index in 0..<200 {
            let original = digit(index, of: images)
            let prepared = try bytes(prepare(HostArray(original, shape: [28, 28, 1]), path: "x"))
            if distance(original, prepared) > 1 { changed += 1 }
        }
        // A few have an edge of the faintest grey, which counts as paper: their box is a pixel smaller.
        #expect(changed <= 6)
    }

    @Test(arguments: [(1, 28, 40), (4, 200, 300), (9, 300, 270), (20, 700, 900)])
    func sizePlaceAndPolarityDoNotMatter(scale: Int, height: Int, width: Int) throws {
        for index in 0..<20 {
            let original = digit(index, of: images)
            for (paper, ink) in [(0, 255), (255, 0), (230, 40), (30, 140)] as [(UInt8, UInt8)] {
                var canvas = Canvas(height: height, width: width, paper: paper)
                canvas.draw(
                    original, imageWidth: 28, scale: scale, top: (height - 28 * scale) / 3, left: (width - 28 * scale) * 2 / 3, ink: ink)
                let prepared = try bytes(prepare(canvas.picture, path: "x"))
                #expect(distance(original, prepared) < 4, "digit \(index), scale \(scale), ink \(ink) on \(paper)")
            }
        }
    }

    @Test func dustAndUnevenPaperDoNotMatter() throws {
        let original = digit(3, of: images)
        var canvas = Canvas(height: 220, width: 220, paper: 225)
        for index in canvas.pixels.indices { canvas.pixels[index] = UInt8(225 - Int(Philox(key: 9)[index] % 16)) }
        canvas.draw(original, imageWidth: 28, scale: 6, top: 30, left: 20, ink: 30)
        for place in [2 * 220 + 210, 215 * 220 + 4, 216 * 220 + 4] { canvas.pixels[place] = 20 }
        #expect(distance(original, try bytes(prepare(canvas.picture, path: "x"))) < 8)
    }

    /// A line of one pixel on a large canvas would fade to nothing if it were only scaled down.
    @Test func hairlinesStayVisible() throws {
        var canvas = Canvas(height: 500, width: 500, paper: 255)
        for y in 100..<400 { canvas.pixels[y * 500 + 250] = 0 }
        for x in 200..<300 { canvas.pixels[400 * 500 + x] = 0 }
        let prepared = try bytes(prepare(canvas.picture, path: "x"))
        #expect(prepared.filter { $0 > 128 }.count > 25)
    }

    @Test func theCentreOfMassIsTheCentre() throws {
        var canvas = Canvas(height: 100, width: 100, paper: 0)
        for y in 10..<20 { for x in 10..<90 { canvas.pixels[y * 100 + x] = 255 } }
        for y in 20..<90 { for x in 10..<20 { canvas.pixels[y * 100 + x] = 255 } }
        let prepared = try bytes(prepare(canvas.picture, path: "x"))
        var (mass, down, right) = (0.0, 0.0, 0.0)
        for (index, value) in prepared.enumerated() {
            mass += Double(value)
            down += Double(value) * Double(index / 28)
            right += Double(value) * Double(index % 28)
        }
        // The box would leave the field if it were moved further.
        #expect(abs(down / mass - 14) <= 1.5 && abs(right / mass - 14) <= 1.5)
        let rows = (0..<28).filter { y in prepared[y * 28..<(y + 1) * 28].contains { $0 > 0 } }
        #expect(rows.count == 20)
    }

    @Test(arguments: [0, 128, 255] as [UInt8])
    func blankPicturesAreRefused(grey: UInt8) {
        let canvas = Canvas(height: 30, width: 40, paper: grey)
        #expect(
            failure { try prepare(canvas.picture, path: "empty.png") }
                == "empty.png: the picture is blank: all of its pixels are nearly the same grey")
    }

    @Test(arguments: [(1, 1), (1, 50), (50, 1), (2, 2), (3, 2000)])
    func oddSizesNeverCrash(height: Int, width: Int) {
        for seed in 0..<20 {
            var canvas = Canvas(height: height, width: width, paper: 0)
            let words = Philox(key: UInt64(seed))
            for index in canvas.pixels.indices { canvas.pixels[index] = UInt8(words[index] % 2 * 255) }
            if let prepared = try? prepare(canvas.picture, path: "x") { #expect(prepared.shape == [28, 28]) }
        }
    }

    @Test func otherFieldsScaleTheBox() {
        #expect(ImagePreparation(height: 56, width: 14).boxHeight == 40)
        #expect(ImagePreparation(height: 56, width: 14).boxWidth == 10)
        #expect(ImagePreparation(height: 1, width: 1).boxWidth == 1)
    }
}
